import type { Effect } from '../../../machines/effects.ts';
import type { Fact } from '../../../machines/facts.ts';
import type { Cause, InstanceRecord } from '../../../machines/record.ts';
import type { Log } from '../../actors/contracts/log.ts';

/** The log for those who only read it: nobody who is given this can append. */
export type ReadableLog = Pick<Log, 'read' | 'head' | 'readAll' | 'subscribe' | 'extent'>;

/**
 * A record of any stream, as far as readers of the feed look into it. That of an instance has all of it; that of the host
 * has no facts, no effects and another state.
 */
export interface LoggedRecord {
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  /** Epoch ms. */
  readonly at: number;
  readonly event: { readonly type: string; readonly [field: string]: unknown };
  readonly facts?: readonly Fact[];
  readonly effects?: readonly Effect[];
  readonly state?: Partial<InstanceRecord['state']>;
  readonly cause: Cause;
}

/** Trusts the bytes: the log has kept them and their hash. */
export function readRecord(bytes: string): LoggedRecord {
  return JSON.parse(bytes) as LoggedRecord;
}
