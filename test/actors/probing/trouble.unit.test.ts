/** Goal: what probers and the host do wrong is neither blamed on a guest nor felt by another. Method: simulated time. */
import { describe, expect, test } from 'vitest';
import { PROBE_TIME_UP } from '../../../src/actors/contracts/probe.ts';
import { UNSETTLED_PER_GUEST_MAX } from '../../../src/actors/probing/probe-scheduler.ts';
import { dead, failing, passing, probingScene, silent } from './probing-scene.ts';

describe('a prober', () => {
  test('that throws at once says nothing about the guest', async () => {
    const scene = probingScene(() => {
      throw new Error('no such program');
    });
    scene.open('web');
    await scene.clock.advance(10_000);
    expect(scene.resultsOf('web')).toEqual([
      'probe.unavailable: no such program',
      'probe.unavailable: no such program',
    ]);
  });

  test('that rejects, with whatever it likes, says nothing about the guest', async () => {
    const scene = probingScene(() => Promise.reject('gone'));
    scene.open('web');
    await scene.clock.advance(0);
    expect(scene.resultsOf('web')).toEqual(['probe.unavailable: gone']);
  });

  test.each([undefined, null, 7, {}, { result: 'perhaps' }])('that answers %j has given no result', async (answer) => {
    const scene = probingScene(async () => answer as never);
    scene.open('web');
    await scene.clock.advance(0);
    expect(scene.resultsOf('web')).toEqual(['probe.unavailable: the prober gave no result']);
  });

  test('that answers twice is heard once', async () => {
    const scene = probingScene(() => {
      const twice = {
        then: (settle: (result: unknown) => void) => {
          settle({ result: 'passed' });
          settle({ result: 'failed', error: 'on second thoughts' });
        },
      };
      return twice as never;
    });
    scene.open('web');
    await scene.clock.advance(9_000);
    expect(scene.resultsOf('web')).toEqual(['probe.passed']);
    expect(scene.scheduler.status().in_flight).toBe(0);
  });

  test('is told when the time is up, and what it says then counts', async () => {
    const scene = probingScene(silent);
    scene.open('web');
    await scene.clock.advance(1_999);
    expect(scene.heard).toEqual([]);
    await scene.clock.advance(1);
    expect(scene.resultsOf('web')).toEqual(['probe.failed: given up']);
    expect(scene.asked[0]!.signal.reason).toBe(PROBE_TIME_UP);
    expect(scene.scheduler.status().in_flight).toBe(0);
  });

  test('that says nothing when the time is up has no answer, and that is a failure', async () => {
    const scene = probingScene(dead);
    scene.open('web');
    await scene.clock.advance(2_000);
    expect(scene.resultsOf('web')).toEqual(['probe.failed: no answer within 2000 ms']);
  });

  test('that never ends counts against its own guest alone, up to a bound and no further', async () => {
    const scene = probingScene((asked, clock) => (asked.guest.instance === 'web' ? dead : passing)(asked, clock));
    scene.open('web');
    scene.open('other');
    await scene.clock.advance(10_000 * (UNSETTLED_PER_GUEST_MAX + 6));
    expect(scene.askedAt('web')).toHaveLength(UNSETTLED_PER_GUEST_MAX);
    expect(scene.scheduler.status().in_flight).toBe(UNSETTLED_PER_GUEST_MAX);
    expect(scene.resultsOf('web').slice(0, 3)).toEqual(Array(3).fill('probe.failed: no answer within 2000 ms'));
    expect(scene.resultsOf('web').at(-1)).toBe('probe.unavailable: 4 earlier probes of this guest have not ended');
    expect(scene.resultsOf('other').every((result) => result === 'probe.passed')).toBe(true);
  });

  test('whose answer comes after the timeout is not heard, and its place is free then', async () => {
    const scene = probingScene((_, clock) => clock.sleep(5_000).then(() => ({ result: 'passed' })));
    scene.open('web');
    await scene.clock.advance(4_999);
    expect(scene.scheduler.status().in_flight).toBe(1);
    await scene.clock.advance(1);
    expect(scene.scheduler.status().in_flight).toBe(0);
    expect(scene.resultsOf('web')).toEqual(['probe.failed: no answer within 2000 ms']);
  });
});

describe('what fails while this process stood still', () => {
  test('is not blamed on the guest: the timeout passed, and nobody was there to take an answer', async () => {
    const scene = probingScene(silent);
    scene.open('web');
    await scene.clock.advance(1_000);
    scene.clock.stall(60_000);
    await scene.clock.advance(0);
    expect(scene.resultsOf('web')[0]).toMatch(/^probe\.unavailable: the host or the daemon stood still/);
    expect(scene.scheduler.readingsOf('web')).toMatchObject({ consecutive_failures: 0 });
  });

  test('nor when the host was suspended, which only the wall clock tells', async () => {
    const scene = probingScene((_, clock) => clock.sleep(1_500).then(() => ({ result: 'failed', error: 'reset' })));
    scene.open('web');
    await scene.clock.advance(1_000);
    scene.clock.step(3_600_000);
    await scene.clock.advance(1_000);
    expect(scene.resultsOf('web')).toEqual([expect.stringMatching(/^probe\.unavailable: .*: reset$/)]);
  });

  test('but a wall clock that was set back is no such thing', async () => {
    const scene = probingScene((_, clock) => clock.sleep(1_500).then(() => ({ result: 'failed', error: 'reset' })));
    scene.open('web');
    await scene.clock.advance(1_000);
    scene.clock.step(-3_600_000);
    await scene.clock.advance(1_000);
    expect(scene.resultsOf('web')).toEqual(['probe.failed: reset']);
  });

  test('a guest that answered has answered', async () => {
    const scene = probingScene((_, clock) => clock.sleep(1_500).then(() => ({ result: 'passed' })));
    scene.open('web');
    await scene.clock.advance(1_000);
    scene.clock.stall(800);
    await scene.clock.advance(0);
    expect(scene.resultsOf('web')).toEqual(['probe.passed']);
  });

  test('what is asked afterwards and fails is the failure of the guest', async () => {
    const scene = probingScene(failing);
    scene.open('web');
    scene.clock.stall(700);
    await scene.clock.advance(10_000);
    expect(scene.resultsOf('web')).toEqual(['probe.failed: refused', 'probe.failed: refused']);
  });
});
