import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { Endpoint } from './endpoints.ts';

/**
 * The discovery protocol of NATS micro services (ADR-32): who is there (`$SRV.PING`), what it offers (`INFO`), and what
 * came of it (`STATS`), for all services, for those of one name, and for one of them. docs/decisions/ says why it is
 * written here and not taken from the package.
 */

export const SERVICE_NAME = 'statevisor';
const DESCRIPTION = 'Supervises virtual machines: every verb is a request with a JSON object, answered with JSON.';
const TYPES = 'io.nats.micro.v1';
const NANOSECONDS_PER_MS = 1_000_000;

export interface ServiceIdentity {
  /** Unique for each connection of a daemon. */
  readonly id: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly started: string;
}

export interface Discovered {
  readonly connection: NatsConnection;
  readonly identity: ServiceIdentity;
  readonly endpoints: readonly Endpoint[];
  readonly report: (error: unknown, message: string) => void;
}

/** Answers discovery until the subscriptions that it returns end. */
export function answerDiscovery({ connection, identity, endpoints, report }: Discovered): Subscription[] {
  const { id, version, metadata, started } = identity;
  const about = (type: string): object => ({ type: `${TYPES}.${type}`, name: SERVICE_NAME, id, version, metadata });
  const info = JSON.stringify({
    ...about('info_response'),
    description: DESCRIPTION,
    endpoints: endpoints.map(({ metadata: told, ...endpoint }) => ({ ...named(endpoint), metadata: told })),
  });
  const ping = JSON.stringify(about('ping_response'));
  const stats = (): string =>
    JSON.stringify({ ...about('stats_response'), started, endpoints: endpoints.map(statisticsOf) });
  const answers: [string, () => string][] = [
    ['PING', () => ping],
    ['INFO', () => info],
    ['STATS', stats],
  ];
  const answering = (answer: () => string) => (error: Error | null, message: Msg) => {
    try {
      if (error !== null) throw error;
      message.respond(answer());
    } catch (failure) {
      report(failure, 'A question of service discovery could not be answered.');
    }
  };
  return answers.flatMap(([verb, answer]) =>
    [`$SRV.${verb}`, `$SRV.${verb}.${SERVICE_NAME}`, `$SRV.${verb}.${SERVICE_NAME}.${id}`].map((subject) =>
      connection.subscribe(subject, { callback: answering(answer) }),
    ),
  );
}

function named({ name, subject, queue }: Pick<Endpoint, 'name' | 'subject' | 'queue'>): object {
  return { name, subject, queue_group: queue ?? '' };
}

function statisticsOf({ tally, ...endpoint }: Endpoint): object {
  const { requests, refusals, lastRefusal, elapsedMs } = tally;
  return {
    ...named(endpoint),
    num_requests: requests,
    num_errors: refusals,
    last_error: lastRefusal,
    processing_time: Math.round(elapsedMs * NANOSECONDS_PER_MS),
    average_processing_time: requests === 0 ? 0 : Math.round((elapsedMs / requests) * NANOSECONDS_PER_MS),
  };
}
