/**
 * What the reference says of results of probes, in as few words as it takes, written without a look at the chart: windows,
 * the start period, streaks, and what is shown when. Counters are shown up to their thresholds: past these a steady guest
 * changes nothing.
 */

export interface Check {
  readonly start_period_ms: number;
  readonly failure_threshold: number;
  readonly success_threshold: number;
}

export interface Shown {
  readonly status: 'disabled' | 'unknown' | 'starting' | 'healthy' | 'unhealthy';
  readonly consecutive_successes: number;
  readonly consecutive_failures: number;
  readonly last_error: string | null;
}

const nothing = (status: Shown['status']): Shown => {
  return { status, consecutive_successes: 0, consecutive_failures: 0, last_error: null };
};

export class ThresholdsModel {
  vm: 'up' | 'off' | 'asleep' = 'off';
  check: Check | null;
  #windowStart = 0;
  #shown = nothing('starting');

  constructor(check: Check | null) {
    this.check = check;
  }

  /** Booted or restored, which was asked for at this time. */
  up(askedAt: number): void {
    this.vm = 'up';
    this.#openWindow(askedAt);
  }

  down(vm: 'off' | 'asleep'): void {
    this.vm = vm;
  }

  update(check: Check | null, at: number): void {
    this.check = check;
    this.#openWindow(at);
  }

  pass(): void {
    if (this.vm !== 'up' || this.check === null) return;
    const successes = Math.min(this.#shown.consecutive_successes + 1, this.check.success_threshold);
    const status = successes >= this.check.success_threshold ? 'healthy' : this.#shown.status;
    this.#shown = { status, consecutive_successes: successes, consecutive_failures: 0, last_error: null };
  }

  fail(at: number, error: string): void {
    if (this.vm !== 'up' || this.check === null) return;
    const { failure_threshold, start_period_ms } = this.check;
    const before = this.#shown;
    const failures = Math.min(before.consecutive_failures + 1, failure_threshold);
    const inGrace = at - this.#windowStart < start_period_ms;
    const status = !inGrace && failures >= failure_threshold ? 'unhealthy' : before.status;
    // A failure that changes neither a counter nor the verdict is not recorded, so the error before it stands.
    const isNews =
      status !== before.status || failures !== before.consecutive_failures || before.consecutive_successes > 0;
    const last_error = isNews ? error : before.last_error;
    this.#shown = { status, consecutive_successes: 0, consecutive_failures: failures, last_error };
  }

  get shown(): Shown {
    if (this.check === null) return nothing('disabled');
    return this.vm === 'up' ? this.#shown : nothing('unknown');
  }

  #openWindow(at: number): void {
    this.#windowStart = at;
    this.#shown = nothing('starting');
  }
}
