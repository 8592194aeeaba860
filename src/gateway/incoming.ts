import type { Cause } from '../../machines/record.ts';
import type { Random } from '../actors/contracts/clock.ts';
import { StatevisorError } from '../actors/errors.ts';
import { isObject } from './requests/scalars.ts';
import type { Tokens } from './tokens.ts';
import type { Caller } from './use-cases/contract.ts';

/** What every door does with a request before a use case sees it, so that all doors refuse alike. */

/** No request needs more: definitions are small. */
export const BODY_MAX_BYTES = 65_536;

const BEARER_PATTERN = /^Bearer +(\S+) *$/i;
const CORRELATION_PATTERN = /^[\x21-\x7e]{1,128}$/;
const TRACEPARENT_PATTERN = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Header lines of a request, as far as they say anything about its caller. */
export interface Incoming {
  readonly authorization?: string;
  /** `Idempotency-Key` or `Nats-Msg-Id`. */
  readonly commandId?: string;
  /** `X-Request-Id`. */
  readonly correlation?: string;
  readonly traceparent?: string;
}

/** The id under which everything that follows from this request can be found: the caller's, or a new one. */
export function correlationOf(given: string | undefined, random: Random): string {
  return given !== undefined && CORRELATION_PATTERN.test(given) ? given : random.id();
}

/** Throws `unauthorized` for anybody unknown. A malformed `traceparent` is ignored, as its standard demands. */
export function callerOf(
  incoming: Incoming,
  about: { tokens: Tokens; via: Cause['via']; correlation: string; signal: AbortSignal },
): Caller {
  const { tokens, ...rest } = about;
  const token = BEARER_PATTERN.exec(incoming.authorization ?? '')?.[1];
  const holder = token === undefined ? null : tokens(token);
  if (holder === null) {
    throw new StatevisorError('unauthorized', 'A valid token is needed: Authorization: Bearer TOKEN.');
  }
  const { commandId, traceparent } = incoming;
  return {
    ...holder,
    ...rest,
    ...(commandId === undefined ? {} : { commandId }),
    ...(traceparent !== undefined && TRACEPARENT_PATTERN.test(traceparent) ? { trace: traceparent } : {}),
  };
}

/** The JSON object in these bytes; no bytes are an empty one. */
export function bodyOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  if (bytes.length > BODY_MAX_BYTES) throw bodyTooLarge();
  if (bytes.length === 0) return {};
  const body = parseJson(bytes);
  if (isObject(body)) return body;
  throw new StatevisorError('invalid_request', 'The body must be a JSON object.');
}

export function bodyTooLarge(): StatevisorError {
  return new StatevisorError('payload_too_large', `The body must be at most ${BODY_MAX_BYTES} bytes long.`);
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new StatevisorError('invalid_request', 'The body must be JSON in UTF-8.');
  }
}
