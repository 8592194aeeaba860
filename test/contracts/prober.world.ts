import { type SimulatedClock, systemClock } from '../../src/actors/clock.ts';
import type { HealthCheck, ProbedGuest, ProbeResult, Prober } from '../../src/actors/contracts/probe.ts';
import { within } from './log-check.ts';

/** `silent`: it takes the question, or not even that, and never answers. `foul`: not well, in words meant to do harm. */
export type Workload = 'well' | 'sick' | 'silent' | 'foul';

/** What the prober contract needs from an implementation's test. One world serves one check. */
export interface ProberWorld {
  readonly prober: Prober;
  /** The prober's time. */
  readonly clock: SimulatedClock;
  readonly check: HealthCheck;
  /** Its workload is well at first. */
  readonly guest: ProbedGuest;
  /** Another guest, whose workload is well. */
  readonly neighbour: ProbedGuest;
  /** A guest that this host has no way to ask. */
  readonly unaskable: ProbedGuest;
  become(workload: Workload): Promise<void>;
  /** How often the guest noticed that it was asked. */
  asked(): number;
  /** How many questions to the guest are open on the guest's side. */
  open(): number;
  /** How long an answer that has to come is waited for, in the machine's own time. */
  readonly patienceMs: number;
  destroy(): Promise<void>;
}

export const TIMEOUT_MS = 2_000;

export function checkOf(target: HealthCheck['target']): HealthCheck {
  return {
    target,
    interval_ms: 10_000,
    timeout_ms: TIMEOUT_MS,
    start_period_ms: 0,
    failure_threshold: 3,
    success_threshold: 1,
  };
}

export const wanted = (): AbortSignal => new AbortController().signal;

export function askNow({ prober, check, guest }: ProberWorld, of: ProbedGuest = guest): Promise<ProbeResult> {
  return prober.probe(of, check, wanted());
}

/** Steps in which time passes while an answer is awaited; together less than the timeout. */
const STEP_MS = 50;
const STEPS = 20;
const TRAVEL_MS = 20;

/** The answer, which has to come without the time being up. */
export async function answerOf(world: ProberWorld, asked: Promise<ProbeResult>): Promise<ProbeResult> {
  let isAnswered = false;
  const answered = asked.finally(() => {
    isAnswered = true;
  });
  for (let step = 0; step < STEPS && !isAnswered; step++) {
    await world.clock.advance(STEP_MS);
    // What the guest says travels in the machine's own time.
    await until(() => isAnswered, TRAVEL_MS);
  }
  return within('an answer', answered, world.patienceMs);
}

/** Looks again and again while the machine's own time passes; answers whether it became so. */
export async function until(good: () => boolean, limitMs: number): Promise<boolean> {
  const clock = systemClock();
  const end = clock.monotonic() + limitMs;
  while (!good()) {
    if (clock.monotonic() > end) return false;
    await clock.sleep(1);
  }
  return true;
}
