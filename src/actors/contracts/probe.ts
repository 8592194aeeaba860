import type { HealthCheck } from '../../../machines/policies.ts';

export type { HealthCheck } from '../../../machines/policies.ts';

/** What is asked for: the part of a check that names it. */
export type ProbeTarget<T extends HealthCheck['target']['type'] = HealthCheck['target']['type']> = Extract<
  HealthCheck['target'],
  { readonly type: T }
>;

/** The guest that is asked whether it is well. */
export interface ProbedGuest {
  readonly instance: string;
  readonly run: number;
  /** Its own address when it is bridged; else null, and its ports are reached at those of the host that are forwarded. */
  readonly address: string | null;
  readonly ports: readonly { readonly host_port: number; readonly guest_port: number }[];
}

/**
 * `failed`: the workload was asked and is not well. `unavailable`: it could not be asked at all, which says nothing
 * about it. `error` is a sentence that is safe to show (src/actors/contracts/safe-sentence.ts).
 */
export type ProbeResult =
  | { readonly result: 'passed' }
  | { readonly result: 'failed'; readonly error: string }
  | { readonly result: 'unavailable'; readonly error: string };

/** The reason of a signal that withdraws nothing: the time is up, and what was found by then is wanted. */
export const PROBE_TIME_UP = new Error('The time of this probe is up.');

/**
 * One way to ask guests. Promises every implementation keeps (test/contracts/prober.contract.ts runs over each of
 * them): one call asks once; it settles by `check.timeout_ms`, and soon after `signal` fires, with what it knows when the reason is `PROBE_TIME_UP`; when it has settled
 * no question of it is left open; no guest's silence delays another's answer; it changes nothing outside of the guest.
 */
export interface Prober {
  probe(guest: ProbedGuest, check: HealthCheck, signal: AbortSignal): Promise<ProbeResult>;
}
