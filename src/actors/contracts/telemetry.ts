import type { OneShotKind } from '../../../machines/effects.ts';
import type { AppendResult } from './log.ts';

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
}
