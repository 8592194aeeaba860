import { SimulatedClock } from '../../../src/actors/clock.ts';
import { createHttpProber } from '../../../src/adapters/probes/http-prober.ts';
import { createProbers } from '../../../src/adapters/probes/probers.ts';
import { createTcpProber } from '../../../src/adapters/probes/tcp-prober.ts';
import { checkOf, type ProberWorld, type Workload } from '../../contracts/prober.world.ts';
import { type DeafGuest, startDeafGuest } from './deaf-guest.ts';
import { type Behaviour, FORWARDED_PORT, type GuestServer, startGuestServer, UNREACHABLE } from './guest-server.ts';

/** Worlds of the prober contract with real sockets on the loopback, and time that moves when it is told to. */

const PATIENCE_MS = 30_000;
const NEIGHBOUR_HOST = '127.0.0.2';

export function simulatedTime(): SimulatedClock {
  return new SimulatedClock(Date.UTC(2026, 0, 1, 12));
}

export type Network = 'bridged' | 'forwarded';
export type Scheme = 'http' | 'https';

const FOUL = `HTTP/1.1 500 \u001b[2J\u0007${'\u00e9'.repeat(2_000)}\r\nContent-Length: 0\r\n\r\n`;
const ANSWERS: Readonly<Record<Workload, string>> = {
  well: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
  sick: 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nsick',
  silent: '',
  foul: FOUL,
};

export async function httpWorld(network: Network, scheme: Scheme): Promise<ProberWorld> {
  let workload: Workload = 'well';
  const speaks = scheme === 'https' ? { certificate: 'self-signed' } : {};
  const server = await startGuestServer({ ...speaks, does: (socket) => socket.write(ANSWERS[workload], 'latin1') });
  const besides = await neighbourOf(server, network, speaks, (socket) => socket.write(ANSWERS.well));
  const clock = simulatedTime();
  const port = network === 'bridged' ? server.port : FORWARDED_PORT;
  const tls = scheme === 'https' ? { tls_verify: false } : {};
  return {
    prober: createProbers({ http: createHttpProber({ clock, version: '0.0.0' }) }),
    clock,
    check: checkOf({ type: 'http', port, path: '/', scheme, expected_status: 200, ...tls }),
    guest: server[network],
    neighbour: besides[network],
    unaskable: UNREACHABLE,
    become: async (now) => {
      workload = now;
    },
    asked: server.asked,
    open: server.open,
    patienceMs: PATIENCE_MS,
    destroy: async () => {
      await Promise.all([server.close(), besides.close()]);
    },
  };
}

async function neighbourOf(
  { port }: GuestServer,
  network: Network,
  speaks: { readonly certificate?: string },
  does: Parameters<typeof startGuestServer>[0]['does'],
): Promise<GuestServer> {
  // The same port at another address; behind a forward only the host's port differs.
  return startGuestServer({ ...speaks, does, ...(network === 'bridged' ? { host: NEIGHBOUR_HOST, port } : {}) });
}

const DEAF_HOST = '127.0.0.3';

/** One that is not well does not listen, or, behind a forward, is closed to what the VMM has accepted; a silent one hangs. */
export async function tcpWorld(network: Network): Promise<ProberWorld> {
  let workload: Workload = 'well';
  const keeps: Behaviour = (socket) => (workload === 'well' ? undefined : socket.end());
  const listen = (port = 0): Promise<GuestServer> => startGuestServer({ at: 'connection', port, does: keeps });
  let server = await listen();
  const { port } = server;
  const [host, at] = network === 'bridged' ? [NEIGHBOUR_HOST, port] : ['127.0.0.1', 0];
  const besides = await startGuestServer({ at: 'connection', host, port: at, does: () => undefined });
  let deaf: DeafGuest | undefined;
  const clock = simulatedTime();
  const deafPlace: readonly [string, number] = network === 'bridged' ? [DEAF_HOST, port] : ['127.0.0.1', 0];
  let askedBefore = 0;
  let isListening = true;
  return {
    prober: createProbers({ tcp: createTcpProber({ clock }) }),
    clock,
    check: checkOf({ type: 'tcp', port: network === 'bridged' ? port : FORWARDED_PORT }),
    get guest() {
      return deaf !== undefined && workload === 'silent' ? deaf[network] : server[network];
    },
    neighbour: besides[network],
    unaskable: UNREACHABLE,
    become: async (now) => {
      workload = now;
      if (now === 'silent') deaf ??= await startDeafGuest(...deafPlace);
      const listens = network === 'forwarded' || now === 'well';
      if (listens === isListening) return;
      isListening = listens;
      if (listens) server = await listen(port);
      else {
        askedBefore += server.asked();
        await server.close();
      }
    },
    asked: () => askedBefore + (isListening ? server.asked() : 0),
    open: () => server.open(),
    patienceMs: PATIENCE_MS,
    destroy: async () => {
      await Promise.all([isListening ? server.close() : undefined, besides.close(), deaf?.close()]);
    },
  };
}
