import { afterEach, describe, expect, test, vi } from 'vitest';
import { SimulatedClock, seededRandom, systemClock, systemRandom } from '../../src/actors/clock.ts';

const START_MS = Date.UTC(2026, 0, 1, 12);
const DAY_MS = 86_400_000;
const INT32_MAX_MS = 2 ** 31 - 1;
const ULID = /^[0-9a-hjkmnp-tv-z]{26}$/;

/** A clock and the names of what fired on it, each with its instant. */
function recorded() {
  const clock = new SimulatedClock(START_MS);
  const fired: string[] = [];
  const note = (name: string) => () => void fired.push(`${name}@${clock.monotonic()}`);
  return { clock, fired, note };
}

describe('simulated time', () => {
  test('timers fire in the order of their due time, and at one instant in the order they were armed', async () => {
    const { clock, fired, note } = recorded();
    clock.after(20, note('late'));
    clock.after(10, note('first'));
    clock.after(10, note('second'));
    clock.after(0, note('now'));
    await clock.advance(30);
    expect(fired).toEqual(['now@0', 'first@10', 'second@10', 'late@20']);
  });

  test('a timer does not fire before its instant, and exactly at it', async () => {
    const { clock, fired, note } = recorded();
    clock.after(10, note('due'));
    await clock.advance(9);
    expect(fired).toEqual([]);
    expect(clock.nextTimerInMs()).toBe(1);
    await clock.advance(1);
    expect(fired).toEqual(['due@10']);
    expect(clock.nextTimerInMs()).toBeNull();
  });

  test('a timer armed by a timer fires within the same advance when it is due', async () => {
    const { clock, fired, note } = recorded();
    clock.after(10, () => clock.after(5, note('inner')));
    clock.after(20, note('outer'));
    await clock.advance(20);
    expect(fired).toEqual(['inner@15', 'outer@20']);
  });

  test('a cancelled timer never fires, also when it is cancelled at its own instant', async () => {
    const { clock, fired, note } = recorded();
    const cancelNow = clock.after(10, note('cancelled'));
    cancelNow();
    cancelNow();
    clock.after(20, () => cancelLater());
    const cancelLater = clock.after(20, note('cancelled at its instant'));
    await clock.advance(30);
    expect(fired).toEqual([]);
  });

  test('work that needs no time is done before time moves on', async () => {
    const { clock, fired, note } = recorded();
    clock.after(10, () => void clock.turn().then(note('after a turn')));
    clock.after(11, note('next instant'));
    await clock.advance(11);
    expect(fired).toEqual(['after a turn@10', 'next instant@11']);
  });

  test('wall time and monotonic time move together', async () => {
    const clock = new SimulatedClock(START_MS);
    await clock.advance(90_000);
    expect(clock.now()).toBe(START_MS + 90_000);
    expect(clock.monotonic()).toBe(90_000);
  });

  test('a step of the wall clock moves neither monotonic time nor timers', async () => {
    const { clock, fired, note } = recorded();
    clock.after(1000, note('due'));
    clock.step(-3_600_000);
    expect(clock.now()).toBe(START_MS - 3_600_000);
    expect(clock.monotonic()).toBe(0);
    expect(clock.nextTimerInMs()).toBe(1000);
    clock.step(7_200_000);
    await clock.advance(999);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual(['due@1000']);
    expect(clock.now()).toBe(START_MS + 3_600_000 + 1000);
  });

  test('a timer past an int32 keeps its instant', async () => {
    const { clock, fired, note } = recorded();
    clock.after(400 * DAY_MS, note('far'));
    await clock.advance(400 * DAY_MS - 1);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual([`far@${400 * DAY_MS}`]);
  });
});

describe('sleeping', () => {
  test('a sleep ends with true after its time', async () => {
    const clock = new SimulatedClock(START_MS);
    const slept = clock.sleep(50).then((whole) => [whole, clock.monotonic()]);
    await clock.advance(100);
    expect(await slept).toEqual([true, 50]);
  });

  test('an aborted sleep ends at once with false and leaves no timer', async () => {
    const clock = new SimulatedClock(START_MS);
    const controller = new AbortController();
    const slept = clock.sleep(50, controller.signal);
    controller.abort();
    expect(await slept).toBe(false);
    expect(clock.nextTimerInMs()).toBeNull();
  });

  test('a sleep that begins aborted arms nothing', async () => {
    const clock = new SimulatedClock(START_MS);
    expect(await clock.sleep(50, AbortSignal.abort())).toBe(false);
    expect(clock.nextTimerInMs()).toBeNull();
  });
});

describe("the machine's own clock", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  test('a timer longer than an int32 fires at its time and not at once', async () => {
    vi.useFakeTimers();
    const waits = [INT32_MAX_MS + 1, 60 * DAY_MS];
    for (const waitMs of waits) {
      let fired = 0;
      systemClock().after(waitMs, () => {
        fired += 1;
      });
      await vi.advanceTimersByTimeAsync(waitMs - 1);
      expect(fired).toBe(0);
      await vi.advanceTimersByTimeAsync(1);
      expect(fired).toBe(1);
      expect(vi.getTimerCount()).toBe(0);
    }
  });

  test('cancelling works in every chunk of a long timer', async () => {
    vi.useFakeTimers();
    let fired = 0;
    const cancel = systemClock().after(60 * DAY_MS, () => {
      fired += 1;
    });
    await vi.advanceTimersByTimeAsync(40 * DAY_MS);
    cancel();
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(40 * DAY_MS);
    expect(fired).toBe(0);
  });

  test('a negative delay fires as soon as possible', async () => {
    vi.useFakeTimers();
    let fired = 0;
    systemClock().after(-5, () => {
      fired += 1;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect(fired).toBe(1);
  });

  test('the offset shifts the wall clock and nothing else', () => {
    vi.useFakeTimers({ now: START_MS });
    let offsetMs = 0;
    const clock = systemClock(() => offsetMs);
    const before = clock.monotonic();
    offsetMs = -3_600_000;
    expect(clock.now()).toBe(START_MS - 3_600_000);
    expect(clock.monotonic()).toBe(before);
  });
});

describe('chance', () => {
  const draw = (seed: number) => {
    const random = seededRandom(seed, new SimulatedClock(START_MS));
    return [random.id(), random.id(), random.hex(16), random.id()];
  };

  test('one seed gives the same ids in every run, and another seed gives others', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  test('seeded ids are lower-case ULIDs that carry the time of the clock they were given', () => {
    const [id] = draw(7);
    expect(id).toMatch(ULID);
    expect(id!.slice(0, 10)).toBe(draw(8)[0]!.slice(0, 10));
  });

  test.each([
    ['seeded', () => seededRandom(7, new SimulatedClock(START_MS))],
    ['system', systemRandom],
  ])('ids of one %s source ascend, also within a millisecond', (_name, source) => {
    const random = source();
    const ids = Array.from({ length: 1000 }, () => random.id());
    expect(ids.every((id) => ULID.test(id))).toBe(true);
    expect(ids).toEqual([...new Set(ids)].sort());
  });

  test('hex text has two digits for each byte', () => {
    expect(seededRandom(1, new SimulatedClock(START_MS)).hex(33)).toMatch(/^[0-9a-f]{66}$/);
    expect(systemRandom().hex(33)).toMatch(/^[0-9a-f]{66}$/);
    expect(systemRandom().hex(0)).toBe('');
  });
});
