import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { ProbedGuest } from '../../../src/actors/contracts/probe.ts';
import { createHttpProber } from '../../../src/adapters/probes/http-prober.ts';
import { createProbers } from '../../../src/adapters/probes/probers.ts';
import { createTcpProber } from '../../../src/adapters/probes/tcp-prober.ts';
import { checkOf } from '../../contracts/prober.world.ts';
import { type AskedPort, openAskedPort } from './asked-port.ts';

/** Where probes come from: by that they are told from what others say to a guest, which keeps it awake. */

const OWN = '127.0.0.77';
const NOBODYS = '192.0.2.77';
const GUEST_PORT = 80;

describe('probes', () => {
  let listener: AskedPort;
  beforeAll(async () => {
    listener = await openAskedPort('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  });
  afterAll(() => listener.close());

  const probeFrom = async (source: string | null, kind: 'http' | 'tcp', isBridged: boolean): Promise<unknown> => {
    const clock = systemClock();
    const probeAddress = (): string | null => source;
    const prober = createProbers({
      http: createHttpProber({ clock, version: '0.0.0', probeAddress }),
      tcp: createTcpProber({ clock, probeAddress }),
    });
    const guest: ProbedGuest = isBridged
      ? { instance: 'web', run: 1, address: '127.0.0.1', ports: [] }
      : { instance: 'web', run: 1, address: null, ports: [{ host_port: listener.port, guest_port: GUEST_PORT }] };
    const asked = isBridged ? listener.port : GUEST_PORT;
    const target =
      kind === 'tcp'
        ? { type: 'tcp' as const, port: asked }
        : { type: 'http' as const, port: asked, path: '/', scheme: 'http' as const, expected_status: 200 };
    return prober.probe(guest, checkOf(target), new AbortController().signal);
  };

  it.each(['http', 'tcp'] as const)(
    'over %s come to a bridged guest from the address that is theirs alone',
    async (kind) => {
      expect(await probeFrom(OWN, kind, true)).toEqual({ result: 'passed' });
      expect(listener.seen.splice(0)).toEqual([OWN]);
    },
  );

  it.each(['http', 'tcp'] as const)(
    'over %s go through a forwarded port from wherever the kernel takes them',
    async (kind) => {
      expect(await probeFrom(OWN, kind, false)).toEqual({ result: 'passed' });
      expect(await probeFrom(null, kind, true)).toEqual({ result: 'passed' });
      expect(listener.seen.splice(0)).toEqual(['127.0.0.1', '127.0.0.1']);
    },
  );

  it.each(['http', 'tcp'] as const)(
    'over %s say nothing of a guest when the host has lost their address',
    async (kind) => {
      expect(await probeFrom(NOBODYS, kind, true)).toMatchObject({ result: 'unavailable' });
    },
  );
});
