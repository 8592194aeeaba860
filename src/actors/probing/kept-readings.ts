import type { HealthContext } from '../../../machines/context.ts';
import type { ProbeResult } from '../contracts/probe.ts';
import { type KeptProbeResult, PROBE_RESULTS_KEPT_MAX, type ProbeReading } from '../contracts/probe-readings.ts';

/** What the chart has counted so far of a window: what a new process begins from. */
export type Counted = Pick<HealthContext, 'successes' | 'failures' | 'last_error'>;

/** The live readings of one window, changed in place by each result. */
export class KeptReadings {
  readonly #run: number;
  readonly #revision: number;
  #successes: number;
  #failures: number;
  #checkedAt: number | null = null;
  #successAt: number | null = null;
  #failureAt: number | null = null;
  #error: string | null;
  #missed = 0;
  readonly #results: KeptProbeResult[] = [];

  constructor(window: { readonly run: number; readonly revision: number }, counted: Counted) {
    this.#run = window.run;
    this.#revision = window.revision;
    this.#successes = counted.successes;
    this.#failures = counted.failures;
    this.#error = counted.last_error;
  }

  /** The error of the result is expected to be a safe sentence already. */
  note(result: ProbeResult, at: number, durationMs: number | null): void {
    const error = result.result === 'passed' ? null : result.error;
    this.#error = error;
    if (result.result === 'passed') {
      this.#successes += 1;
      this.#failures = 0;
      this.#successAt = at;
    } else if (result.result === 'failed') {
      this.#failures += 1;
      this.#successes = 0;
      this.#failureAt = at;
    }
    if (result.result !== 'unavailable') this.#checkedAt = at;
    if (this.#results.length === PROBE_RESULTS_KEPT_MAX) this.#results.shift();
    const duration_ms = durationMs === null ? null : Math.round(durationMs);
    this.#results.push({ at, duration_ms, result: result.result, error });
  }

  noteMissed(slots: number): void {
    this.#missed += slots;
  }

  read(): ProbeReading {
    return {
      run: this.#run,
      revision: this.#revision,
      consecutive_successes: this.#successes,
      consecutive_failures: this.#failures,
      last_checked_at: this.#checkedAt,
      last_success_at: this.#successAt,
      last_failure_at: this.#failureAt,
      last_error: this.#error,
      missed: this.#missed,
      last_results: [...this.#results],
    };
  }
}
