import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import type { GatewayLogger } from '../refusals.ts';
import type { TokenGrant } from '../tokens.ts';
import type { HostUseCases, UseCases } from '../use-cases/contract.ts';
import { answerDiscovery } from './discovery.ts';
import { listeningsOf } from './endpoints.ts';
import { RequestDesk } from './request-desk.ts';
import { verbGroups } from './verb-groups.ts';

export interface NatsGatewayOptions {
  readonly useCases: UseCases;
  /** Without them there are no verbs about the host. */
  readonly hostUseCases?: HostUseCases;
  readonly tokens: readonly TokenGrant[];
  /** Stays its owner's: connect with `noAsyncTraces: true` and `maxReconnectAttempts: -1`. */
  readonly connection: NatsConnection;
  /** Name of this host in `statevisor.v1.hosts.<host>.instances.<verb>`. */
  readonly host: string;
  /** What the micro service tells about itself beside its verbs. */
  readonly service: { readonly version: string; readonly metadata: Readonly<Record<string, string>> };
  readonly clock: Clock;
  readonly random: Random;
  /** Hears of failures that are nobody's input. */
  readonly logger?: GatewayLogger;
}

export interface NatsGateway {
  /** Takes no more requests and answers what is under way; the connection stays open. Idempotent. */
  close(): Promise<void>;
}

/**
 * The NATS door: a micro service with the same verbs, JSON and refusals as HTTP, as request and reply. Resolves once it
 * is heard.
 */
export async function createNatsGateway(options: NatsGatewayOptions): Promise<NatsGateway> {
  const { connection, host, service, clock, random, logger } = options;
  const desk = new RequestDesk(options);
  const listenings = listeningsOf(verbGroups(options.useCases, options.hostUseCases), host);
  const subscriptions = listenings.map((listening) => {
    const { prefix, queue } = listening;
    // `>` and not `*`: names with dots, such as those of internal events, get their refusal too.
    const shared = queue === undefined ? {} : { queue };
    return connection.subscribe(`${prefix}>`, { ...shared, callback: desk.taking(listening) });
  });
  const discovery = answerDiscovery({
    connection,
    identity: { ...service, id: random.id(), started: toRfc3339(clock.now()) },
    endpoints: listenings.flatMap(({ endpoints }) => [...endpoints.values()]),
    report: (error, message) => logger?.error({ err: error }, message),
  });
  await connection.flush();
  return {
    close: async () => {
      for (const subscription of [...subscriptions, ...discovery]) subscription.unsubscribe();
      await desk.close();
    },
  };
}
