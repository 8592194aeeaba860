import type { ProbeResult } from './probe.ts';

/**
 * What probing knows of a guest beside the log. These are live readings: nothing of them is recorded, so they cost no
 * record while nothing changes, and a new process begins them anew from the counts that the chart keeps, which saturate
 * at their thresholds. Whoever shows them shows them only while the instance is probed, and only of the run it shows.
 */

/** The newest results that are kept of each instance. */
export const PROBE_RESULTS_KEPT_MAX = 10;
/** Bytes of an error's text, in UTF-8; a longer one is cut after its last whole character. */
export const PROBE_ERROR_MAX_BYTES = 512;

export interface KeptProbeResult {
  /** When the result was there, epoch ms. */
  readonly at: number;
  /** From the question to the answer; null when the probe was not started at all. */
  readonly duration_ms: number | null;
  readonly result: ProbeResult['result'];
  readonly error: string | null;
}

/** Of the present window: run and revision of the check. */
export interface ProbeReading {
  readonly run: number;
  readonly revision: number;
  /** Without a bound. A probe that could not be made breaks neither row. */
  readonly consecutive_successes: number;
  readonly consecutive_failures: number;
  /** When the guest was last asked; a probe that could not be made asked nobody. Epoch ms, as are all instants here. */
  readonly last_checked_at: number | null;
  readonly last_success_at: number | null;
  readonly last_failure_at: number | null;
  /** What went wrong with the newest probe, also when it could not be made; null after a success. */
  readonly last_error: string | null;
  /** Probes that were due and could not be started in time. */
  readonly missed: number;
  /** Oldest first. */
  readonly last_results: readonly KeptProbeResult[];
}

export interface ProbeReadings {
  /** As it is now; undefined while the instance is not probed. It answers at once. */
  readingsOf(instance: string): ProbeReading | undefined;
}
