import type { Fact } from '../../../machines/facts.ts';
import type { InstanceRecord } from '../../../machines/record.ts';
import type { LogEntry } from '../../actors/contracts/log.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import { WEBHOOK_EVENTS, type WebhookEvent } from './options.ts';

/** What a webhook receives. */
export interface Notice {
  /** Of the record: one that comes again has the same. */
  readonly id: string;
  readonly type: WebhookEvent;
  readonly host: string;
  readonly instance: string;
  /** Null when the instance is gone by now. */
  readonly name: string | null;
  /** RFC 3339. */
  readonly at: string;
  /** Place of the record in the log of that host. */
  readonly position: string;
  /** What the fact says. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface NoticeContext {
  readonly host: string;
  readonly events: readonly WebhookEvent[];
  readonly nameOf: (instance: string) => string | null;
}

/** Null for the many records that are nothing to tell of. */
export function noticeIn(entry: LogEntry, { host, events, nameOf }: NoticeContext): Notice | null {
  // Most records are not even parsed.
  if (!events.some((event) => entry.bytes.includes(`"type":"${event}"`))) return null;
  const record = recordIn(entry.bytes);
  const fact = record?.facts?.find((candidate) => isTold(candidate, events));
  if (record === null || fact === undefined) return null;
  const { type, ...details } = fact;
  return {
    id: record.id,
    type: type as WebhookEvent,
    host,
    instance: record.stream,
    name: record.definition?.name ?? nameOf(record.stream),
    at: toRfc3339(record.at),
    position: entry.position,
    details,
  };
}

/** Automation that was told to stop has not given up. */
function isTold(fact: Fact, events: readonly WebhookEvent[]): boolean {
  if (!WEBHOOK_EVENTS.some((event) => event === fact.type && events.includes(event))) return false;
  return fact.type !== 'restart.blocked' || fact.reason === 'max_attempts_exceeded';
}

function recordIn(bytes: string): InstanceRecord | null {
  try {
    return JSON.parse(bytes) as InstanceRecord;
  } catch {
    return null;
  }
}
