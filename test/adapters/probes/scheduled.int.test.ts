import { describe, expect, it } from 'vitest';
import type { ProbedGuest } from '../../../src/actors/contracts/probe.ts';
import { ProbeScheduler } from '../../../src/actors/probing/probe-scheduler.ts';
import { createHttpProber } from '../../../src/adapters/probes/http-prober.ts';
import { createProbers } from '../../../src/adapters/probes/probers.ts';
import { checkOf, TIMEOUT_MS, until } from '../../contracts/prober.world.ts';
import { type Behaviour, FORWARDED_PORT, startGuestServer } from './guest-server.ts';
import { simulatedTime } from './prober-worlds.ts';

/** The scheduler and the HTTP prober together, over real sockets. */

const CHECK = checkOf({ type: 'http', port: FORWARDED_PORT, path: '/', scheme: 'http', expected_status: 200 });
const NOTHING_COUNTED = { successes: 0, failures: 0, last_error: null };
const LIMIT_MS = 30_000;
const MUTE = 300;
const WELL = 30;

async function scheduled() {
  const clock = simulatedTime();
  const heard: { readonly instance: string; readonly said: string }[] = [];
  const scheduler = new ProbeScheduler({
    clock,
    prober: createProbers({ http: createHttpProber({ clock, version: '0.0.0' }) }),
    deliver: (instance, event) => void heard.push({ instance, said: 'error' in event ? event.error : event.type }),
  });
  const open = (instance: string, { ports }: ProbedGuest): void => {
    scheduler.open({ guest: { instance, run: 1, address: null, ports }, check: CHECK, revision: 1 }, NOTHING_COUNTED);
  };
  const saidOf = (instance: string): string[] =>
    heard.filter((one) => one.instance === instance).map(({ said }) => said);
  return { clock, scheduler, open, heard, saidOf };
}

const answers: Behaviour = (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');

describe('guests that are probed together', () => {
  it('are answered for while hundreds of others let every probe time out', async () => {
    const mute = await startGuestServer({ does: () => undefined });
    const well = await startGuestServer({ does: answers });
    const { clock, scheduler, open, heard, saidOf } = await scheduled();
    for (let n = 0; n < MUTE; n++) open(`mute-${n}`, mute.forwarded);
    for (let n = 0; n < WELL; n++) open(`well-${n}`, well.forwarded);
    // First slots are spread over a millisecond for each of them.
    await clock.advance(MUTE + WELL);
    for (let round = 1; round <= 3; round++) {
      expect(await until(() => mute.open() === MUTE, LIMIT_MS)).toBe(true);
      expect(
        await until(() => heard.filter(({ said }) => said === 'probe.passed').length === round * WELL, LIMIT_MS),
      ).toBe(true);
      expect(mute.open()).toBe(MUTE);
      await clock.advance(TIMEOUT_MS);
      expect(await until(() => mute.open() === 0, LIMIT_MS)).toBe(true);
      await clock.advance(CHECK.interval_ms - TIMEOUT_MS);
    }
    expect(saidOf('mute-0')).toEqual(Array(3).fill('no status in time'));
    expect(saidOf('well-0')).toContain('probe.passed');
    scheduler.close();
    await Promise.all([mute.close(), well.close()]);
  });

  it('have the status that came in time, though the rest of the answer did not', async () => {
    const slow = await startGuestServer({
      does: (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nno more'),
    });
    const { clock, scheduler, open, saidOf } = await scheduled();
    open('slow', slow.forwarded);
    await clock.advance(1);
    expect(await until(() => slow.open() === 1 && slow.heard().endsWith('\r\n\r\n'), LIMIT_MS)).toBe(true);
    await clock.advance(TIMEOUT_MS);
    expect(saidOf('slow')).toEqual(['probe.passed']);
    scheduler.close();
    await slow.close();
  });
});
