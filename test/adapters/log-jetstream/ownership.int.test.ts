import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { LEASE_MS, TAKEOVER_WAIT_MS } from '../../../src/adapters/log-jetstream/ownership.ts';
import { bytesOf, collect, mustAppend, within } from '../../contracts/log-check.ts';
import { heldClock } from '../../held-clock.ts';
import { type LogScene, openLogScene, untilMode } from './log-scene.ts';

/** One process at a time owns a log by its name, whatever becomes of the one before. */

const LIMIT_MS = 30_000;
const clock = systemClock();
let scene: LogScene;
afterEach(() => scene.close());

describe('a log', () => {
  test('is refused by name while its owner lives, and given at once when the owner has let go of it', async () => {
    scene = await openLogScene();
    const first = await scene.open({ host: 'first-host' });
    await expect(scene.open({ host: 'second-host' })).rejects.toMatchObject({
      code: 'log_in_use',
      ownerPid: process.pid,
      message: expect.stringMatching(/first-host.*alive/),
    });
    await mustAppend(first, 'a', null, 'still the owner');
    await first.close();
    // A wait for an owner that may still live would have no end by this clock.
    await within('the log', scene.open({ clock: heldClock(TAKEOVER_WAIT_MS).clock }), LIMIT_MS);
  });

  test('with another name is another log', async () => {
    scene = await openLogScene();
    const [one, other] = [await scene.open({ name: 'one' }), await scene.open({ name: 'other' })];
    await mustAppend(one, 'a', null, 'of one');
    expect(await collect(other.readAll(null))).toEqual([]);
  });

  test('of two that come at the same time has one owner', async () => {
    scene = await openLogScene();
    const opened = await Promise.allSettled([scene.open(), scene.open(), scene.open()]);
    expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of opened) if (result.status === 'rejected') expect(result.reason.code).toBe('log_in_use');
  });

  test('is taken over from an owner that does not answer, which then appends nothing and says who has it', async () => {
    scene = await openLogScene();
    const first = await scene.open({ host: 'first-host', throughProxy: true });
    const before = await mustAppend(first, 'a', null, 'before');
    scene.proxy.freeze();
    const began = clock.monotonic();
    const second = await scene.open({ host: 'second-host' });
    expect(clock.monotonic() - began).toBeGreaterThan(TAKEOVER_WAIT_MS);
    expect(await second.head('a')).toMatchObject({ bytes: 'before' });
    await mustAppend(second, 'a', before.token, 'after');
    const late = first.append('b', null, 'too late');
    scene.proxy.thaw();
    expect((await late).kind).toBe('refused');
    expect(await first.superseded).toMatch(/second-host/);
    await untilMode(first, 'not_owner');
    expect(await first.append('c', null, 'x')).toMatchObject({ kind: 'refused', reason: 'not_owner' });
    expect(await first.append('a', before.token, 'x')).toMatchObject({ kind: 'refused', reason: 'not_owner' });
    await expect(first.trim((await second.head('a'))!)).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(bytesOf(await collect(second.readAll(null)))).toEqual(['before', 'after']);
    expect((await second.extent()).completeAfter).toBeNull();
  });

  test('sends nothing when its machine was suspended, until it has looked whose the log is', async () => {
    scene = await openLogScene();
    let suspendedMs = 0;
    const now = (): number => clock.now() + suspendedMs;
    const log = await scene.open({ throughProxy: true, clock: { ...clock, now } });
    scene.proxy.freeze();
    suspendedMs = LEASE_MS;
    expect(await log.append('a', null, 'x')).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    scene.proxy.thaw();
    await untilMode(log, 'serving');
    await mustAppend(log, 'a', null, 'y');
  });
});
