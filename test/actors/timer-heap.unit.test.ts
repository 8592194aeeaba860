import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import { CLOCK_LOOK_MS, type DueTimer, TimerHeap, type TimerHeapOptions } from '../../src/actors/timer-heap.ts';

const START = Date.UTC(2026, 0, 1, 12);
const HOUR_MS = 3_600_000;

interface Scene {
  readonly clock: SimulatedClock;
  readonly heap: TimerHeap;
  readonly fired: string[];
  readonly steps: number[];
  readonly cancelled: Set<string>;
  /** Arms a timer that is due so many ms after the start of the scene. */
  readonly arm: (instance: string, inMs: number) => void;
}

function scene(more: Partial<TimerHeapOptions> = {}): Scene {
  const clock = new SimulatedClock(START);
  const fired: string[] = [];
  const steps: number[] = [];
  const cancelled = new Set<string>();
  const heap = new TimerHeap({
    clock,
    fire: ({ instance }) => fired.push(instance),
    isPending: ({ instance }) => !cancelled.has(instance),
    onClockStep: (byMs) => steps.push(byMs),
    ...more,
  });
  const arm = (instance: string, inMs: number): void => {
    const timer: DueTimer = { instance, name: 'timer.backoff', due: START + inMs, armed: 1 };
    heap.add(timer);
  };
  return { clock, heap, fired, steps, cancelled, arm };
}

describe('the timer heap', () => {
  it('fires timers in the order of their deadlines, whatever the order in which they were armed', async () => {
    const { clock, fired, arm } = scene();
    const dues = Array.from({ length: 200 }, (_, n) => ((n * 7_919) % 200) + 1);
    for (const due of dues) arm(String(due), due * 100);
    await clock.advance(HOUR_MS);
    expect(fired).toEqual([...dues].sort((a, b) => a - b).map(String));
  });

  it('fires none before its deadline and each at it', async () => {
    const { clock, fired, arm } = scene();
    arm('a', 2_500);
    await clock.advance(2_499);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual(['a']);
  });

  it('fires an overdue timer as soon as it is armed', async () => {
    const { clock, fired, arm } = scene();
    arm('late', -HOUR_MS);
    await clock.advance(0);
    expect(fired).toEqual(['late']);
  });

  it('drops a timer that is no longer pending when its time comes', async () => {
    const { clock, fired, cancelled, heap, arm } = scene();
    arm('kept', 1_000);
    arm('cancelled', 900);
    cancelled.add('cancelled');
    await clock.advance(2_000);
    expect(fired).toEqual(['kept']);
    expect(heap.size).toBe(0);
  });

  it('does not grow with timers that were cancelled long before their time', () => {
    const { heap, cancelled, arm } = scene({ lookMs: Number.POSITIVE_INFINITY });
    cancelled.add('gone');
    for (let n = 0; n < 20_000; n++) arm('gone', HOUR_MS + n);
    expect(heap.size).toBeLessThan(5_000);
  });

  it('fires what has become overdue soon after the wall clock stepped an hour forth, and says by how much', async () => {
    const { clock, fired, steps, arm } = scene();
    arm('soon', HOUR_MS / 2);
    arm('later', 2 * HOUR_MS);
    await clock.advance(10_000);
    clock.step(HOUR_MS);
    await clock.advance(CLOCK_LOOK_MS);
    expect(fired).toEqual(['soon']);
    expect(steps).toEqual([HOUR_MS]);
  });

  it('waits for the deadline on the wall after the clock stepped an hour back', async () => {
    const { clock, fired, steps, arm } = scene();
    arm('a', HOUR_MS / 2);
    await clock.advance(10_000);
    clock.step(-HOUR_MS);
    await clock.advance(HOUR_MS);
    expect(fired).toEqual([]);
    expect(steps).toEqual([-HOUR_MS]);
    await clock.advance(HOUR_MS / 2);
    expect(fired).toEqual(['a']);
  });

  it('keeps a deadline of many years, far past what an int32 of milliseconds can hold', async () => {
    const years = 3 * 365 * 24 * HOUR_MS;
    const { clock, fired, arm } = scene({ lookMs: Number.POSITIVE_INFINITY });
    arm('a', years);
    await clock.advance(years - 1);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual(['a']);
  });

  it('takes a timer that is armed while another fires', async () => {
    const rearmed: string[] = [];
    const clock = new SimulatedClock(START);
    const heap: TimerHeap = new TimerHeap({
      clock,
      isPending: () => true,
      fire: (timer) => {
        rearmed.push(timer.instance);
        if (rearmed.length < 3) heap.add({ ...timer, due: timer.due + 10 });
      },
    });
    heap.add({ instance: 'a', name: 'timer.backoff', due: START + 10, armed: 1 });
    await clock.advance(100);
    expect(rearmed).toHaveLength(3);
  });

  it('fires nothing after it was closed', async () => {
    const { clock, heap, fired, arm } = scene();
    arm('a', 1_000);
    heap.close();
    await clock.advance(HOUR_MS);
    expect(fired).toEqual([]);
  });
});
