/** Goal: guests are asked when they should be, whatever they, the prober or the host do. Method: simulated time. */
import { describe, expect, test } from 'vitest';
import { WAKE_GAP_MS } from '../../../src/actors/probing/cadence.ts';
import { STARTS_PER_TURN_MAX } from '../../../src/actors/probing/probe-scheduler.ts';
import { many, passing, probingScene, silent } from './probing-scene.ts';

describe('the cadence of one guest', () => {
  test('is one probe an interval from the first on, however long answers take', async () => {
    const scene = probingScene((_, clock) => clock.sleep(1_700).then(() => ({ result: 'passed' })));
    scene.open('web');
    await scene.clock.advance(1_000_000);
    expect(scene.askedAt('web')).toEqual(Array.from({ length: 101 }, (_, n) => n * 10_000));
  });

  test('does not drift while every probe has its whole timeout, which is an interval', async () => {
    const scene = probingScene(silent);
    scene.open('web', { timeout_ms: 10_000 });
    await scene.clock.advance(100_000);
    expect(scene.askedAt('web')).toEqual(Array.from({ length: 11 }, (_, n) => n * 10_000));
  });

  test('nor when others make it a little late each time', async () => {
    const scene = probingScene(silent);
    const names = many(50);
    for (const name of names) scene.open(name, { timeout_ms: 10_000 });
    await scene.clock.advance(3_000_000);
    expect(Math.max(...scene.told.late)).toBeLessThanOrEqual(2 * WAKE_GAP_MS);
    expect(scene.told.missed).toBe(0);
    for (const name of names) expect(scene.askedAt(name).length).toBeGreaterThanOrEqual(300);
  });

  test('does not follow steps of the wall clock', async () => {
    const scene = probingScene(passing);
    scene.open('web');
    await scene.clock.advance(5_000);
    scene.clock.step(-3_600_000);
    await scene.clock.advance(10_000);
    scene.clock.step(7_200_000);
    await scene.clock.advance(10_000);
    expect(scene.askedAt('web')).toEqual([0, 10_000, 20_000]);
  });

  test('goes on in its next slot after the process stood still: nothing that was missed is made up for', async () => {
    const scene = probingScene(passing);
    scene.open('web');
    await scene.clock.advance(5_000);
    scene.clock.stall(33_000);
    await scene.clock.advance(10_000);
    expect(scene.askedAt('web')).toEqual([0, 40_000]);
    expect(scene.resultsOf('web')).toEqual([
      'probe.passed',
      'probe.unavailable: not started in time (3 probes)',
      'probe.passed',
    ]);
    expect(scene.told.missed).toBe(3);
  });

  test('keeps a slot that is a little late, and the one after it is on time again', async () => {
    const scene = probingScene(passing);
    scene.open('web');
    await scene.clock.advance(9_900);
    scene.clock.stall(500);
    await scene.clock.advance(20_000);
    expect(scene.askedAt('web')).toEqual([0, 10_400, 20_000, 30_000]);
    expect(scene.told.late).toEqual([0, 400, 0, 0]);
  });
});

describe('many guests', () => {
  test('that are found at once are asked spread over an interval, each on its own place', async () => {
    const scene = probingScene(passing);
    for (const name of many(10_000)) scene.open(name);
    await scene.clock.advance(9_999);
    const perSecond = Array<number>(10).fill(0);
    for (const { at } of scene.asked) perSecond[Math.floor(at / 1_000)]! += 1;
    expect(scene.asked).toHaveLength(10_000);
    expect(Math.max(...perSecond)).toBeLessThan(3_500);
    expect(new Set(scene.asked.map(({ guest }) => guest.instance)).size).toBe(10_000);
    await scene.clock.advance(10_000);
    const second = scene.asked.slice(10_000);
    expect(second.map(({ at }) => at - 10_000)).toEqual(scene.asked.slice(0, 10_000).map(({ at }) => at));
  });

  test('wake the process no more often than every 10 ms, and let others work between the first hundreds', async () => {
    const scene = probingScene(passing);
    for (const name of many(5_000)) scene.open(name);
    await scene.clock.advance(60_000);
    expect(scene.wakes()).toBeLessThanOrEqual(60_000 / WAKE_GAP_MS);
    const begun = new Map<number, number>();
    scene.answer = async () => {
      begun.set(scene.wakes(), (begun.get(scene.wakes()) ?? 0) + 1);
      return { result: 'passed' };
    };
    scene.clock.stall(900);
    await scene.clock.advance(1_000);
    expect(Math.max(...begun.values())).toBe(STARTS_PER_TURN_MAX);
  });

  test('one of them alone is asked at once', async () => {
    const scene = probingScene(passing);
    scene.open('web');
    await scene.clock.advance(0);
    expect(scene.askedAt('web')).toEqual([0]);
  });

  test('are asked in a spread again after the process stood still, not all at once', async () => {
    const scene = probingScene(passing);
    for (const name of many(2_000)) scene.open(name);
    await scene.clock.advance(20_000);
    const before = scene.asked.length;
    scene.clock.stall(600_000);
    await scene.clock.advance(0);
    expect(scene.asked.length - before).toBeLessThan(2_000);
    await scene.clock.advance(10_000);
    expect(scene.heard.filter(({ event }) => event.type === 'probe.failed')).toEqual([]);
    expect(scene.told.missed).toBeGreaterThanOrEqual(2_000 * 59);
  });

  test('that answer are never late for those that do not, though these fill all the places they may take', async () => {
    const isWell = (name: string): boolean => name.startsWith('well');
    const scene = probingScene((asked, clock) => (isWell(asked.guest.instance) ? passing : silent)(asked, clock), {
      atOnceMax: 50,
      unprovenMax: 45,
      silentMax: 30,
    });
    for (let n = 0; n < 40; n++) scene.open(`well-${n}`);
    await scene.clock.advance(10_000);
    const before = scene.askedAt('well-7');
    for (const name of many(120)) scene.open(name, { timeout_ms: 10_000 });
    await scene.clock.advance(100_000);
    const slots = Array.from({ length: 11 }, (_, n) => before[0]! + n * 10_000);
    expect(scene.askedAt('well-7')).toEqual(slots);
    scene.open('well-and-new');
    await scene.clock.advance(10_000);
    expect(scene.resultsOf('well-and-new')[0]).toBe('probe.passed');
    const well = scene.heard.filter(({ instance }) => isWell(instance));
    expect(well.every(({ event }) => event.type === 'probe.passed')).toBe(true);
    expect(scene.told.missed).toBeGreaterThan(120);
  });
});

describe('a probe that finds no place', () => {
  const limits = { atOnceMax: 2, unprovenMax: 2, silentMax: 1 };

  test('starts late when one becomes free in time', async () => {
    const scene = probingScene((_, clock) => clock.sleep(600).then(() => ({ result: 'passed' })), limits);
    for (const name of many(3)) scene.open(name);
    await scene.clock.advance(9_000);
    expect(scene.asked.map(({ at }) => at)).toEqual([0, expect.any(Number), expect.any(Number)]);
    expect(scene.told.late.filter((late) => late > 500)).toHaveLength(1);
    expect(scene.told.missed).toBe(0);
  });

  test('is told as not started in time, counted, and made in its next slot', async () => {
    const scene = probingScene((_, clock) => clock.sleep(1_900).then(() => ({ result: 'passed' })), limits);
    for (const name of many(3)) scene.open(name);
    await scene.clock.advance(9_000);
    const missed = scene.heard.filter(({ event }) => event.type === 'probe.unavailable');
    expect(missed.map(({ event }) => event)).toMatchObject([{ error: 'not started in time' }]);
    expect(scene.told).toMatchObject({ missed: 1 });
    const { instance } = missed[0]!;
    expect(scene.scheduler.readingsOf(instance)).toMatchObject({ missed: 1, last_checked_at: null });
    scene.answer = passing;
    await scene.clock.advance(10_000);
    expect(scene.resultsOf(instance)).toEqual(['probe.unavailable: not started in time', 'probe.passed']);
  });

  test('leaves the line when its window ends', async () => {
    const scene = probingScene(silent, limits);
    for (const name of many(3)) scene.open(name);
    await scene.clock.advance(100);
    expect(scene.scheduler.status()).toEqual({ windows: 3, in_flight: 2, waiting: 1 });
    for (const name of many(3)) scene.scheduler.end(name);
    await scene.clock.advance(60_000);
    expect(scene.scheduler.status()).toEqual({ windows: 0, in_flight: 0, waiting: 0 });
    expect(scene.asked).toHaveLength(2);
  });
});

describe('a window that ends', () => {
  test('tells the question under way to give up, and whatever it answers is not heard', async () => {
    const scene = probingScene((_, clock) => clock.sleep(1_000).then(() => ({ result: 'failed', error: 'late' })));
    scene.open('web');
    await scene.clock.advance(500);
    scene.scheduler.end('web');
    expect(scene.asked[0]!.signal.aborted).toBe(true);
    await scene.clock.advance(60_000);
    expect(scene.heard).toEqual([]);
  });

  test('is not heard of in the next one of the same guest', async () => {
    const scene = probingScene((_, clock) => clock.sleep(1_000).then(() => ({ result: 'failed', error: 'late' })));
    scene.open('web');
    await scene.clock.advance(500);
    scene.answer = passing;
    scene.open('web', {}, { run: 2, revision: 1 });
    await scene.clock.advance(5_000);
    expect(scene.heard.map(({ event }) => event)).toEqual([{ type: 'probe.passed', window: { run: 2, revision: 1 } }]);
    expect(scene.scheduler.readingsOf('web')).toMatchObject({
      run: 2,
      consecutive_successes: 1,
      consecutive_failures: 0,
    });
  });

  test('ten thousand of them leave no timer, no listener and no reading behind', async () => {
    const scene = probingScene(silent);
    for (let n = 0; n < 10_000; n++) {
      scene.open(`vm-${n % 100}`, {}, { run: n, revision: 1 });
      if (n % 500 === 0) await scene.clock.advance(200);
      scene.scheduler.end(`vm-${n % 100}`);
    }
    await scene.clock.settle();
    expect(scene.scheduler.status()).toEqual({ windows: 0, in_flight: 0, waiting: 0 });
    expect(scene.armed()).toBeLessThanOrEqual(1);
    await scene.clock.advance(60_000);
    expect(scene.armed()).toBe(0);
    expect(scene.clock.nextTimerInMs()).toBeNull();
    expect(scene.asked.every(({ signal }) => signal.aborted)).toBe(true);
    for (const name of many(100)) expect(scene.scheduler.readingsOf(name)).toBeUndefined();
  });

  test('all of them end when the scheduler closes', async () => {
    const scene = probingScene(silent);
    for (const name of many(20)) scene.open(name);
    await scene.clock.advance(1_000);
    scene.scheduler.close();
    await scene.clock.settle();
    expect(scene.scheduler.status()).toEqual({ windows: 0, in_flight: 0, waiting: 0 });
    expect(scene.clock.nextTimerInMs()).toBeNull();
    expect(scene.heard).toEqual([]);
  });
});
