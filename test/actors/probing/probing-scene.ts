import type { HealthCheck } from '../../../machines/policies.ts';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import type { Clock } from '../../../src/actors/contracts/clock.ts';
import type { ProbedGuest, ProbeResult, Prober } from '../../../src/actors/contracts/probe.ts';
import type { PlaceLimits } from '../../../src/actors/probing/places.ts';
import { type ProbeEvent, ProbeScheduler } from '../../../src/actors/probing/probe-scheduler.ts';
import { START } from '../simulated-host.ts';

/** A scheduler in simulated time over a prober that notes what it is asked and answers as it is told. */

export const CHECK: HealthCheck = {
  target: { type: 'http', port: 80, path: '/', scheme: 'http', expected_status: 200 },
  interval_ms: 10_000,
  timeout_ms: 2_000,
  start_period_ms: 0,
  failure_threshold: 3,
  success_threshold: 1,
};

export const NOTHING_COUNTED = { successes: 0, failures: 0, last_error: null };

export interface Asked {
  readonly guest: ProbedGuest;
  readonly signal: AbortSignal;
  /** Monotonic. */
  readonly at: number;
}

export interface Heard {
  readonly instance: string;
  readonly at: number;
  readonly event: ProbeEvent;
}

type Answer = (asked: Asked, clock: SimulatedClock) => Promise<ProbeResult>;

export const passing: Answer = async () => ({ result: 'passed' });
export const failing: Answer = async () => ({ result: 'failed', error: 'refused' });
/** Keeps to its signal. */
export const silent: Answer = ({ signal }, clock) =>
  clock.sleep(Number.MAX_SAFE_INTEGER, signal).then(() => ({ result: 'failed', error: 'given up' }));
/** Keeps to nothing. */
export const dead: Answer = () => new Promise(() => {});

export function probingScene(answer: Answer, limits?: PlaceLimits) {
  const clock = new SimulatedClock(START);
  const asked: Asked[] = [];
  const heard: Heard[] = [];
  const told = { late: [] as number[], probed: [] as string[], missed: 0 };
  const timers = countingClock(clock);
  const scene = { answer };
  const prober: Prober = {
    probe: (guest, _check, signal) => {
      const one = { guest, signal, at: clock.monotonic() };
      asked.push(one);
      return scene.answer(one, clock);
    },
  };
  const scheduler = new ProbeScheduler({
    clock: timers.clock,
    prober,
    telemetry: {
      appended: () => {},
      effectEnded: () => {},
      probeStarted: (lateMs) => void told.late.push(lateMs),
      probed: (kind, result) => void told.probed.push(`${kind} ${result}`),
      trafficConfirmed: () => {},
      trafficForgotten: () => {},
      probesMissed: (count) => {
        told.missed += count;
      },
    },
    deliver: (instance, event) => void heard.push({ instance, at: clock.monotonic(), event }),
    ...(limits === undefined ? {} : { limits }),
  });
  return Object.assign(scene, {
    clock,
    asked,
    heard,
    told,
    scheduler,
    armed: timers.armed,
    wakes: timers.wakes,
    open: (instance: string, changes: Partial<HealthCheck> = {}, window = { run: 1, revision: 1 }) =>
      scheduler.open(
        {
          guest: { instance, run: window.run, address: null, ports: [] },
          check: { ...CHECK, ...changes },
          revision: window.revision,
        },
        NOTHING_COUNTED,
      ),
    askedAt: (instance: string) => asked.filter(({ guest }) => guest.instance === instance).map(({ at }) => at),
    resultsOf: (instance: string) =>
      heard
        .filter((one) => one.instance === instance)
        .map(({ event }) => ('error' in event ? `${event.type}: ${event.error}` : event.type)),
  });
}

interface CountingClock {
  readonly clock: Clock;
  /** Timers that are armed, and those that have fired. */
  readonly armed: () => number;
  readonly wakes: () => number;
}

function countingClock(clock: SimulatedClock): CountingClock {
  let wakes = 0;
  const armed = new Set<object>();
  const after: Clock['after'] = (delayMs, callback) => {
    const timer = {};
    armed.add(timer);
    const cancel = clock.after(delayMs, () => {
      armed.delete(timer);
      wakes += 1;
      callback();
    });
    return () => {
      armed.delete(timer);
      cancel();
    };
  };
  const counting: Clock = {
    after,
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
    turn: () => clock.turn(),
  };
  return { clock: counting, armed: () => armed.size, wakes: () => wakes };
}

/** Names of many instances. */
export function many(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `vm-${n}`);
}
