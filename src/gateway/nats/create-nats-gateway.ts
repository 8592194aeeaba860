import type { Random } from '../../actors/contracts/clock.ts';
import type { Report } from '../refusals.ts';
import type { Tokens } from '../tokens.ts';
import type { UseCases } from '../use-cases/contract.ts';

export interface NatsServer {
  /** `nats://HOST:PORT`. */
  readonly server: string;
  readonly user?: string;
  readonly password?: string;
}

export interface NatsGatewayOptions {
  readonly useCases: UseCases;
  readonly tokens: Tokens;
  readonly connection: NatsServer;
  /** Name of this host in `statevisor.v1.hosts.<host>.instances.<verb>`. */
  readonly host: string;
  readonly random: Random;
  readonly report?: Report;
}

export interface NatsGateway {
  /** Answers what is under way, then leaves. Idempotent. */
  close(): Promise<void>;
}

/** Rejects when the server cannot be reached at first; a connection lost later is sought again for ever. */
export async function createNatsGateway(_options: NatsGatewayOptions): Promise<NatsGateway> {
  throw new Error('The NATS door is not built yet.');
}
