import type { LogEntry } from '../../actors/contracts/log.ts';
import { recordsPrefix, subjectToken } from './subjects.ts';

/** A record as it goes out over NATS. */
export interface RecordMessage {
  /** `statevisor.v1.records.<host>.<instance>.<event type>`; the dots of a type part the subject too. */
  readonly subject: string;
  /** The record's own id. */
  readonly id: string;
  /** The exact text of the record with `position` as one more field at its end. */
  readonly payload: string;
}

/** What stands for a text of the log that is no record. */
const UNREADABLE_TYPE = 'unreadable';
/** A type is made of a few words; anything else does not become part of a subject. */
const TYPE_PATTERN = /^[a-z_]+(\.[a-z_]+)*$/;

/**
 * `payloadMaxBytes`: what a message may hold. A record that is larger, or is none, goes out by its name alone, so that
 * nobody misses that it is there and nothing waits behind it.
 */
export function recordMessage(entry: LogEntry, host: string, payloadMaxBytes: number): RecordMessage {
  const { stream, version, position, bytes } = entry;
  const names = namesIn(bytes);
  const type = names?.type ?? UNREADABLE_TYPE;
  const id = names?.id ?? `${stream}/${version}`;
  const subject = `${recordsPrefix(host)}${subjectToken(stream)}.${type}`;
  const whole = `${bytes.slice(0, -1)},"position":${JSON.stringify(position)}}`;
  if (names !== null && Buffer.byteLength(whole) <= payloadMaxBytes) return { subject, id, payload: whole };
  return { subject, id, payload: JSON.stringify({ id, stream, version, omitted: true, position }) };
}

function namesIn(bytes: string): { id: string; type: string } | null {
  try {
    const { id, event } = JSON.parse(bytes) as { id?: unknown; event?: { type?: unknown } };
    const type = event?.type;
    return typeof id === 'string' && typeof type === 'string' && TYPE_PATTERN.test(type) ? { id, type } : null;
  } catch {
    return null;
  }
}
