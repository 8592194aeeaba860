import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { ProbeResult, Prober } from '../../../src/actors/contracts/probe.ts';
import { createHttpProber } from '../../../src/adapters/probes/http-prober.ts';
import { isConnectedToItself } from '../../../src/adapters/probes/self-connection.ts';
import { createTcpProber } from '../../../src/adapters/probes/tcp-prober.ts';
import { within } from '../../contracts/log-check.ts';
import { checkOf, TIMEOUT_MS, until } from '../../contracts/prober.world.ts';
import { type DeafGuest, startDeafGuest } from './deaf-guest.ts';
import { FORWARDED_PORT, freePort, type GuestServer, startGuestServer } from './guest-server.ts';
import { simulatedTime } from './prober-worlds.ts';

/** Nothing of a probe outlives it: thousands of them, day after day, each leave no socket and no timer. */

const PROBES = 200;
const LIMIT_MS = 30_000;

/** Sockets of this process, those of the guest included, which has its part in the same process. */
function sockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}

type Ending = 'the time is up' | 'they are withdrawn';
type Kind = 'http' | 'https' | 'tcp';

interface Guests {
  readonly mute: GuestServer;
  readonly deaf: DeafGuest;
}

async function askMany(kind: Kind, guest: keyof Guests, ending: Ending, guests: Guests): Promise<ProbeResult[]> {
  const clock = simulatedTime();
  const prober: Prober = kind === 'tcp' ? createTcpProber({ clock }) : createHttpProber({ clock, version: '0' });
  const at = { port: FORWARDED_PORT, path: '/', expected_status: 200 };
  const target =
    kind === 'tcp' ? ({ type: kind, port: FORWARDED_PORT } as const) : ({ type: 'http', scheme: kind, ...at } as const);
  const withdrawn = new AbortController();
  const { forwarded } = guests[guest];
  const probes = Array.from({ length: PROBES }, () => prober.probe(forwarded, checkOf(target), withdrawn.signal));
  if (guest === 'mute') expect(await until(() => guests.mute.open() === PROBES, LIMIT_MS)).toBe(true);
  expect(sockets()).toBeGreaterThanOrEqual(PROBES);
  if (ending === 'the time is up') await clock.advance(TIMEOUT_MS);
  else withdrawn.abort();
  const results = await within('the end of all probes', Promise.all(probes), LIMIT_MS);
  expect(clock.nextTimerInMs()).toBe(null);
  return results;
}

describe('a connection to a free port of this host', () => {
  it('that is given that very port to connect from is known as one to itself', async () => {
    const port = await freePort();
    const alone = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.1', localPort: port });
    await once(alone, 'connect');
    expect(isConnectedToItself(alone)).toBe(true);
    alone.destroy();
    const server = await startGuestServer({ at: 'connection', does: () => undefined });
    const other = connect({ host: '127.0.0.1', port: server.port });
    await once(other, 'connect');
    expect(isConnectedToItself(other)).toBe(false);
    other.destroy();
    await server.close();
  });
});

describe('no socket and no timer is left of many probes', () => {
  const cases = (['http', 'https', 'tcp'] as const).flatMap((kind) =>
    (['mute', 'deaf'] as const).flatMap((guest) =>
      (['the time is up', 'they are withdrawn'] as const).map((ending) => ({ kind, guest, ending })),
    ),
  );
  it.each(cases)('over $kind to a $guest guest, when $ending', async ({ kind, guest, ending }) => {
    const guests = {
      mute: await startGuestServer({ at: 'connection', does: () => undefined }),
      deaf: await startDeafGuest('127.0.0.1'),
    };
    const before = sockets();
    const results = await askMany(kind, guest, ending, guests);
    expect(await until(() => sockets() === before, LIMIT_MS)).toBe(true);
    const passes = kind === 'tcp' && guest === 'mute';
    const expected = ending === 'they are withdrawn' ? 'unavailable' : passes ? 'passed' : 'failed';
    expect(new Set(results.map(({ result }) => result))).toEqual(new Set([expected]));
    await Promise.all([guests.mute.close(), guests.deaf.close()]);
  });
});
