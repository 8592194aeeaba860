import type { NatsConnection } from '@nats-io/transport-node';
import type { Random } from '../../actors/contracts/clock.ts';
import type { GatewayLogger } from '../refusals.ts';
import type { TokenGrant } from '../tokens.ts';
import type { UseCases } from '../use-cases/contract.ts';

export interface NatsGatewayOptions {
  readonly useCases: UseCases;
  readonly tokens: readonly TokenGrant[];
  /** Stays its owner's: connect with `noAsyncTraces: true` and `maxReconnectAttempts: -1`. */
  readonly connection: NatsConnection;
  /** Name of this host in `statevisor.v1.hosts.<host>.instances.<verb>`. */
  readonly host: string;
  readonly random: Random;
  /** Hears of failures that are nobody's input. */
  readonly logger?: GatewayLogger;
}

export interface NatsGateway {
  /** Takes no more requests and answers what is under way; the connection stays open. Idempotent. */
  close(): Promise<void>;
}

export async function createNatsGateway(_options: NatsGatewayOptions): Promise<NatsGateway> {
  throw new Error('The NATS door is not built yet.');
}
