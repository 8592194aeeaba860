import type { Definition } from './definition.ts';
import type { Effect } from './effects.ts';
import type { ExternalEvent } from './events.ts';
import type { Fact } from './facts.ts';
import type { StateData, TimerArmed, TimerName } from './step.ts';

/**
 * One line of the log: one transition of one instance. Its last record is an instance's whole snapshot: state, pending
 * timers, and where to find the definition. docs/decisions/0002 says why it has this form.
 */
export interface InstanceRecord {
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  /** Epoch ms; never before the stream's last `at`. */
  readonly at: number;
  readonly event: ExternalEvent;
  readonly facts: readonly Fact[];
  /** The n-th (from 0) has the effect id `<stream>/<version>/<n>`. */
  readonly effects: readonly Effect[];
  readonly timers: { readonly armed: readonly TimerArmed[]; readonly cancelled: readonly TimerName[] };
  readonly state: StateData & { readonly timers: readonly PendingTimer[] };
  /** Present in the records that change it; the others name the version of the one that did. */
  readonly definition?: Definition;
  readonly definition_at: number;
  readonly chart: { readonly version: number; readonly digest: string };
  readonly cause: Cause;
}

export interface PendingTimer extends TimerArmed {
  /** Version of the record that armed it. */
  readonly armed: number;
}

/** Who or what set this off, and through which door. */
export interface Cause {
  /** A user's or token's name, or `system`. */
  readonly actor: string;
  readonly via: 'http' | 'nats' | 'cli' | 'simulate' | 'system';
  /** The client's id of the command and the digest of its payload; null for everything that is not a command. */
  readonly command: { readonly id: string; readonly digest: string } | null;
  /** What belongs to one request from outside. */
  readonly correlation: string | null;
  /** Effect id or record id this follows from. */
  readonly causation: string | null;
  /** W3C `traceparent`. */
  readonly trace: string | null;
}

export const SYSTEM_CAUSE: Cause = {
  actor: 'system',
  via: 'system',
  command: null,
  correlation: null,
  causation: null,
  trace: null,
};

export function effectId(record: Pick<InstanceRecord, 'stream' | 'version'>, index: number): string {
  return `${record.stream}/${record.version}/${index}`;
}
