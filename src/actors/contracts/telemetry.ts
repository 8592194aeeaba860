import type { OneShotKind } from '../../../machines/effects.ts';
import type { HealthCheck } from '../../../machines/policies.ts';
import type { AppendResult } from './log.ts';
import type { ProbeResult } from './probe.ts';

/**
 * What the runtime tells about its own work, for metrics. It is called on the way of every record, so that whoever
 * listens only counts. Without a listener nothing is measured.
 */

/** How an effect ended: `answered` are those whose answer is an observation. */
export type EffectOutcome = 'done' | 'failed' | 'withdrawn' | 'unknown' | 'answered';

export interface Telemetry {
  /** The log has answered one append. */
  appended(outcome: AppendResult['kind'], milliseconds: number): void;
  /** An effect has ended. `milliseconds` is null when it was withdrawn before it began. */
  effectEnded(kind: OneShotKind, outcome: EffectOutcome, milliseconds: number | null): void;
  /** The table of connections was read for a guest before it is put away. */
  trafficConfirmed(answer: 'idle' | 'active' | 'unconfirmed'): void;
  /** What the kernel still knew of a former guest was to be removed before another one is booted. */
  trafficForgotten(outcome: 'done' | 'failed' | 'timed_out'): void;
  /** A guest is being asked, this much later than it was due. */
  probeStarted(lateMs: number): void;
  /** A probe has ended, or could not be started: `milliseconds` is null then. */
  probed(kind: ProbeKind, result: ProbeResult['result'], milliseconds: number | null): void;
  /** So many probes of one guest could not be started in time. They are told as one that was unavailable, too. */
  probesMissed(count: number): void;
}

export type ProbeKind = HealthCheck['target']['type'];
