import type { Random } from '../../actors/contracts/clock.ts';
import type { GatewayLogger } from '../refusals.ts';
import type { TokenGrant } from '../tokens.ts';
import type { UseCases } from '../use-cases/contract.ts';

export interface HttpGatewayOptions {
  readonly useCases: UseCases;
  readonly tokens: readonly TokenGrant[];
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly random: Random;
  /** Hears of failures that are nobody's input: they are shown to callers only by their correlation id. */
  readonly logger?: GatewayLogger;
}

export interface HttpGateway {
  /** `http://HOST:PORT` as really bound. */
  readonly url: string;
  /** Stops listening and ends open connections. Idempotent. */
  close(): Promise<void>;
}

export async function createHttpGateway(_options: HttpGatewayOptions): Promise<HttpGateway> {
  throw new Error('The HTTP door is not built yet.');
}
