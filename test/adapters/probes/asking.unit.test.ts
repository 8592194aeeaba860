import { describe, expect, it } from 'vitest';
import { PROBE_TIME_UP, type ProbeResult } from '../../../src/actors/contracts/probe.ts';
import { ask } from '../../../src/adapters/probes/asking.ts';
import { simulatedTime } from './prober-worlds.ts';

const PASSED: ProbeResult = { result: 'passed' };
const LATE: ProbeResult = { result: 'failed', error: 'too late' };
const TIMEOUT_MS = 1_000;

/** A question that is answered by hand. */
function question() {
  const time = simulatedTime();
  const ended: number[] = [];
  let answer: (result: ProbeResult) => void = () => undefined;
  const controller = new AbortController();
  const begin = (take: typeof answer) => {
    answer = take;
    return { atDeadline: () => LATE, end: () => ended.push(time.monotonic()) };
  };
  const asked = ask({ clock: time, timeoutMs: TIMEOUT_MS, signal: controller.signal, begin });
  return {
    time,
    asked,
    ended,
    controller,
    answer: (result: ProbeResult) => answer(result),
  };
}

describe('a question', () => {
  it('has the answer that came first, and is ended once', async () => {
    const { answer, asked, ended, controller, time } = question();
    answer(PASSED);
    answer(LATE);
    controller.abort();
    await time.advance(TIMEOUT_MS * 2);
    expect(await asked).toEqual(PASSED);
    expect(ended).toEqual([0]);
    expect(time.nextTimerInMs()).toBe(null);
  });

  it('is over when the time is up', async () => {
    const { asked, ended, time } = question();
    await time.advance(TIMEOUT_MS);
    expect(await asked).toEqual(LATE);
    expect(ended).toEqual([TIMEOUT_MS]);
  });

  it('hears what has arrived by the time that is up', async () => {
    const { asked, answer, time } = question();
    time.after(TIMEOUT_MS, () => void Promise.resolve().then(() => answer(PASSED)));
    await time.advance(TIMEOUT_MS);
    expect(await asked).toEqual(PASSED);
  });

  it('is answered with what is known when it is told that the time is up', async () => {
    const { asked, ended, controller } = question();
    controller.abort(PROBE_TIME_UP);
    expect(await asked).toEqual(LATE);
    expect(ended).toEqual([0]);
  });

  it('that is withdrawn is ended at once and says nothing of the guest', async () => {
    const { asked, ended, controller, time } = question();
    controller.abort();
    expect((await asked).result).toBe('unavailable');
    expect(ended).toEqual([0]);
    expect(time.nextTimerInMs()).toBe(null);
  });

  it('that cannot be begun leaves no timer', async () => {
    const time = simulatedTime();
    const begin = (): never => {
      throw new Error('broken');
    };
    const { signal } = new AbortController();
    await expect(ask({ clock: time, timeoutMs: TIMEOUT_MS, signal, begin })).rejects.toThrow('broken');
    expect(time.nextTimerInMs()).toBe(null);
  });

  it('that is answered while it is begun is ended too', async () => {
    let ended = 0;
    const begin = (take: (result: ProbeResult) => void) => {
      take(PASSED);
      return { atDeadline: () => LATE, end: () => (ended += 1) };
    };
    const { signal } = new AbortController();
    expect(await ask({ clock: simulatedTime(), timeoutMs: TIMEOUT_MS, signal, begin })).toEqual(PASSED);
    expect(ended).toBe(1);
  });
});
