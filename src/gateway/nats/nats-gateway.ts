import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import type { Random } from '../../actors/contracts/clock.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { bodyOf, callerOf, correlationOf } from '../incoming.ts';
import { type GatewayLogger, refusalOf } from '../refusals.ts';
import { createTokens, type TokenGrant, type Tokens } from '../tokens.ts';
import type { UseCases } from '../use-cases/contract.ts';
import { verbNamed } from '../use-cases/use-cases.ts';

/** Requests under way at one time; further ones are refused as `busy`. */
export const REQUESTS_MAX = 1_024;
/** Daemons of this queue group share the subjects that name no host. */
export const QUEUE_GROUP = 'statevisor';
/** Room left in a message for its subject and headers. */
const HEADERS_ROOM_BYTES = 8_192;
const PAYLOAD_DEFAULT_BYTES = 1_048_576;

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

/** `verb` at any daemon, or at the one of that host. */
export function subjectOf(verb: string, host?: string): string {
  return host === undefined ? `statevisor.v1.instances.${verb}` : `${hostPrefix(host)}${verb}`;
}

const SHARED_PREFIX = subjectOf('');

function hostPrefix(host: string): string {
  return `statevisor.v1.hosts.${host.replaceAll(/[\s.*>]/g, '_')}.instances.`;
}

/** The NATS door: the same verbs, JSON and refusals as HTTP, as request and reply. Resolves once it is heard. */
export async function createNatsGateway(options: NatsGatewayOptions): Promise<NatsGateway> {
  const { connection, host } = options;
  const desk = new NatsDesk(options);
  // `>` and not `*`: names with dots, such as those of internal events, get their refusal too.
  const subscriptions = [
    connection.subscribe(`${SHARED_PREFIX}>`, { queue: QUEUE_GROUP, callback: desk.taking(SHARED_PREFIX) }),
    connection.subscribe(`${hostPrefix(host)}>`, { callback: desk.taking(hostPrefix(host)) }),
  ];
  await connection.flush();
  return {
    close: async () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
      await desk.close();
    },
  };
}

class NatsDesk {
  readonly #options: NatsGatewayOptions;
  readonly #tokens: Tokens;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: NatsGatewayOptions) {
    this.#options = options;
    this.#tokens = createTokens(options.tokens);
  }

  /** What a subscription calls; verbs are what follows `prefix` in the subject. */
  taking(prefix: string): (error: Error | null, message: Msg) => void {
    return (error, message) => {
      if (error !== null) {
        this.#options.logger?.error({ err: error }, 'A subscription of the NATS door reported an error.');
        return;
      }
      const serving = this.#serve(message, message.subject.slice(prefix.length));
      this.#underWay.add(serving);
      void serving.finally(() => this.#underWay.delete(serving));
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay);
  }

  /** Never rejects. */
  async #serve(message: Msg, verb: string): Promise<void> {
    const { useCases, random, logger } = this.#options;
    const correlation = correlationOf(header(message, 'X-Request-Id'), random);
    try {
      const incoming = {
        authorization: header(message, 'Authorization'),
        commandId: header(message, 'Nats-Msg-Id'),
        traceparent: header(message, 'traceparent'),
      };
      const about = { tokens: this.#tokens, via: 'nats' as const, correlation, signal: this.#closing.signal };
      const caller = callerOf(incoming, about);
      if (this.#underWay.size >= REQUESTS_MAX) throw new StatevisorError('busy', 'Too many requests are under way.');
      const { status, body, host, position, version, outcome } = await useCases[verbNamed(verb)](
        bodyOf(message.data),
        caller,
      );
      this.#respond(message, body, { correlation, status, host, position, version, outcome });
    } catch (error) {
      const { status, body } = refusalOf(error, correlation, logger);
      this.#respondSafely(message, body, { correlation, status });
    }
  }

  #respond(message: Msg, body: unknown, about: ReplyAbout): void {
    const text = JSON.stringify(body);
    const most = (this.#options.connection.info?.max_payload ?? PAYLOAD_DEFAULT_BYTES) - HEADERS_ROOM_BYTES;
    if (Buffer.byteLength(text) > most) {
      throw new StatevisorError('payload_too_large', 'The answer does not fit into a message; ask for less.');
    }
    message.respond(text, { headers: replyHeaders(this.#options.host, about) });
  }

  /** A connection lost meanwhile takes the answer with it; whoever asked repeats under the same command id. */
  #respondSafely(message: Msg, body: unknown, about: ReplyAbout): void {
    try {
      this.#respond(message, body, about);
    } catch (error) {
      this.#options.logger?.error({ correlation: about.correlation, err: error }, 'A reply could not be sent.');
    }
  }
}

interface ReplyAbout {
  readonly correlation: string;
  readonly status: number;
  readonly host?: string;
  readonly position?: string;
  readonly version?: number | null;
  readonly outcome?: string;
}

function replyHeaders(host: string, { correlation, status, position, version, outcome }: ReplyAbout) {
  const lines = headers();
  lines.set('Statevisor-Status', String(status));
  lines.set('Statevisor-Host', host);
  lines.set('X-Request-Id', correlation);
  if (position !== undefined) lines.set('Statevisor-Position', position);
  if (version !== undefined && version !== null) lines.set('Statevisor-Version', String(version));
  if (outcome !== undefined) lines.set('Statevisor-Outcome', outcome);
  return lines;
}

function header(message: Msg, name: string): string | undefined {
  return message.headers?.has(name) ? message.headers.get(name) : undefined;
}
