import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { bodyOf, callerOf, correlationOf } from '../incoming.ts';
import { type ErrorBody, type GatewayLogger, refusalOf } from '../refusals.ts';
import { createTokens, type TokenGrant, type Tokens } from '../tokens.ts';
import { listText } from '../use-cases/readings.ts';
import type { Endpoint, Listening } from './endpoints.ts';

/** Requests under way at one time; further ones are refused as `busy`. Those that wait may be 1,280 of them at most. */
export const REQUESTS_MAX = 2_048;
/** Room left in a message for its subject and headers. */
const HEADERS_ROOM_BYTES = 8_192;
const PAYLOAD_DEFAULT_BYTES = 1_048_576;

export interface DeskOptions {
  readonly tokens: readonly TokenGrant[];
  readonly connection: NatsConnection;
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger?: GatewayLogger;
}

/** Takes requests, hands them to the use cases, and answers each exactly once. */
export class RequestDesk {
  readonly #options: DeskOptions;
  readonly #tokens: Tokens;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: DeskOptions) {
    this.#options = options;
    this.#tokens = createTokens(options.tokens);
  }

  /** What a subscription calls; the verb is what follows the prefix in the subject. */
  taking(listening: Listening): (error: Error | null, message: Msg) => void {
    return (error, message) => {
      if (error !== null) {
        this.#options.logger?.error({ err: error }, 'A subscription of the NATS door reported an error.');
        return;
      }
      const serving = this.#serve(message, listening, message.subject.slice(listening.prefix.length));
      this.#underWay.add(serving);
      void serving.finally(() => this.#underWay.delete(serving));
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#underWay);
  }

  /** Never rejects. */
  async #serve(message: Msg, { group, endpoints }: Listening, verb: string): Promise<void> {
    const { clock, random, logger } = this.#options;
    const began = clock.monotonic();
    const endpoint = endpoints.get(verb);
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
      const { body, itemsText, ...reply } = await group.useCase(verb)(bodyOf(message.data), caller);
      this.#respond(message, listText({ body, itemsText }) ?? JSON.stringify(body), { correlation, ...reply });
      this.#tell(message, { status: reply.status, correlation });
    } catch (error) {
      const { status, body } = refusalOf(error, correlation, logger);
      count(endpoint, body);
      this.#respondSafely(message, body, { correlation, status, refusal: body });
      this.#tell(message, { status, code: body.code, correlation });
    }
    if (endpoint === undefined) return;
    endpoint.tally.requests += 1;
    endpoint.tally.elapsedMs += clock.monotonic() - began;
  }

  #tell({ subject }: Msg, about: { status: number; code?: string; correlation: string }): void {
    this.#options.logger?.debug?.({ via: 'nats', subject, ...about }, 'Answered.');
  }

  #respond(message: Msg, text: string, about: ReplyAbout): void {
    const most = (this.#options.connection.info?.max_payload ?? PAYLOAD_DEFAULT_BYTES) - HEADERS_ROOM_BYTES;
    if (Buffer.byteLength(text) > most) {
      throw new StatevisorError('payload_too_large', 'The answer does not fit into a message; ask for less.');
    }
    message.respond(text, { headers: replyHeaders(this.#options.host, about) });
  }

  /** A connection lost meanwhile takes the answer with it; whoever asked repeats under the same command id. */
  #respondSafely(message: Msg, body: unknown, about: ReplyAbout): void {
    try {
      this.#respond(message, JSON.stringify(body), about);
    } catch (error) {
      this.#options.logger?.error({ correlation: about.correlation, err: error }, 'A reply could not be sent.');
    }
  }
}

function count(endpoint: Endpoint | undefined, { code, message }: ErrorBody): void {
  if (endpoint === undefined) return;
  endpoint.tally.refusals += 1;
  endpoint.tally.lastRefusal = `${code}: ${message}`;
}

interface ReplyAbout {
  readonly correlation: string;
  readonly status: number;
  readonly position?: string;
  readonly version?: number | null;
  readonly outcome?: string;
  readonly refusal?: ErrorBody;
}

function replyHeaders(host: string, { correlation, status, position, version, outcome, refusal }: ReplyAbout) {
  const lines = headers();
  lines.set('Statevisor-Status', String(status));
  lines.set('Statevisor-Host', host);
  lines.set('X-Request-Id', correlation);
  if (position !== undefined) lines.set('Statevisor-Position', position);
  if (version !== undefined && version !== null) lines.set('Statevisor-Version', String(version));
  if (outcome !== undefined) lines.set('Statevisor-Outcome', outcome);
  if (refusal !== undefined) {
    // What tools for micro services look for.
    lines.set('Nats-Service-Error-Code', String(status));
    lines.set('Nats-Service-Error', refusal.code);
  }
  return lines;
}

function header(message: Msg, name: string): string | undefined {
  return message.headers?.has(name) ? message.headers.get(name) : undefined;
}
