import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { Place } from '../../../src/actors/contracts/probe-address.ts';
import { portAnswers } from '../../../src/adapters/qemu/readiness.ts';
import { type AskedPort, openAskedPort } from '../probes/asked-port.ts';

/** Asking a guest whether it is ready is no traffic of somebody who uses it: the source of the question tells them apart. */

const OWN = '127.0.0.77';
const NOBODYS = '192.0.2.77';

describe('the question whether a port of a guest answers', () => {
  let listener: AskedPort;
  beforeAll(async () => {
    listener = await openAskedPort('HTTP/1.0 200 OK\r\n\r\n');
  });
  afterAll(() => listener.close());

  const asked = (from: string | null, isForwarded: boolean): Promise<boolean> => {
    const guest: Place = { host: '127.0.0.1', port: listener.port, isForwarded };
    return portAnswers(guest, { clock: systemClock(), probeAddress: () => from });
  };

  it('comes to a bridged guest from the address of this host from which only the daemon asks', async () => {
    expect(await asked(OWN, false)).toBe(true);
    expect(listener.seen.splice(0)).toEqual([OWN]);
  });

  it('goes through a forwarded port, and where the host has no such address, from wherever the kernel takes it', async () => {
    expect(await asked(OWN, true)).toBe(true);
    expect(await asked(null, false)).toBe(true);
    expect(listener.seen.splice(0)).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  it('is not answered while the host has lost that address', async () => {
    expect(await asked(NOBODYS, false)).toBe(false);
    expect(listener.seen).toEqual([]);
  });
});
