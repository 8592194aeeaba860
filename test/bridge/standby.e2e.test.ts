import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { linkLocal } from '../../src/actors/contracts/address6.ts';
import type { AutoStandbyStatusView } from '../../src/projections/auto-standby-status.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { vmmsUnder } from '../adapters/qemu.world.ts';
import { until } from '../cli/daemon-process.ts';
import { BRIDGE, type BridgedHost, bridgedHost } from './bridged-host.ts';
import { type Caller, startCaller } from './caller.ts';

/**
 * Goal: a guest sleeps when nobody talks to it, and never before. Method: a real daemon, three real VMs and the kernel's
 * own table of connections, in a namespace. Each guest has a client of another kind, over IPv4, over IPv6 and over UDP;
 * each is probed all the time, far more often than its idle timeout, and one of them talks to the host all the time.
 */

const IDLE_MS = 2_000;
const PAST_IDLE_MS = IDLE_MS + 1_000;
const PROBED_EVERY = '250ms';
const GATEWAY = '10.77.0.1';
const SERVICE_PORT = 9_000;
/** A guest that holds a wrong hardware address for its gateway is silent for more than half a minute. */
const ASKS_AROUND_MS = 10_000;
const LIMIT_MS = 60_000;
const TEST_LIMIT_MS = 120_000;
const NAMES = ['ipv4', 'ipv6', 'udp'] as const;
type Name = (typeof NAMES)[number];

/** Connects to the host once, and keeps talking to it over that connection. */
const TALK = `[ -e /tmp/out ] || { touch /tmp/out; setsid nc ${GATEWAY} ${SERVICE_PORT} -e /bin/cat </dev/null >/dev/null 2>&1 & }; true`;
const CHECKS: Readonly<Record<Name, unknown>> = {
  ipv4: { http: { port: 80, path: '/health' }, interval: PROBED_EVERY },
  ipv6: { exec: { command: ['/bin/sh', '-c', TALK] }, interval: '1s' },
  udp: { tcp: { port: 80 }, interval: PROBED_EVERY },
};

const clock = systemClock();

describe('bridged guests with a policy to sleep', { timeout: TEST_LIMIT_MS }, () => {
  let host: BridgedHost;
  let caller: Caller;
  const ask = (path: string): Promise<unknown> => caller.please({ do: 'ask', path });
  const viewOf = async (name: Name): Promise<InstanceView> => (await ask(`/v1/instances/${name}`)) as InstanceView;
  const statusOf = async (name: Name): Promise<AutoStandbyStatusView> =>
    (await ask(`/v1/instances/${name}/auto-standby/status`)) as AutoStandbyStatusView;
  /** An open connection is known to its daemon once the kernel's event about it has been read: soon, not at once. */
  const areSeen = async (names: readonly Name[], connections: number): Promise<void> => {
    const all = (): Promise<AutoStandbyStatusView[]> => Promise.all(names.map(statusOf));
    const seen = ({ status, active_inbound_connections: count }: AutoStandbyStatusView): boolean =>
      status === 'active' && count === connections;
    await until(all, (statuses) => statuses.every(seen), LIMIT_MS);
  };
  /** Looks for so long; throws as soon as one of them is not running with somebody connected. */
  const staysAwake = async (names: readonly Name[], forMs: number): Promise<void> => {
    const end = clock.monotonic() + forMs;
    const look = async (): Promise<number> => {
      for (const name of names) {
        expect([name, (await viewOf(name)).state]).toEqual([name, 'Running']);
        expect(await statusOf(name)).toMatchObject({ status: 'active', reason: 'active_inbound_connections' });
      }
      return clock.monotonic();
    };
    await until(look, (now) => now > end, LIMIT_MS);
  };

  beforeAll(async () => {
    host = await bridgedHost();
    // A kernel lets what nobody answers last half a minute, and what is answered two.
    for (const setting of ['timeout', 'timeout_stream']) {
      await host.run('/bin/sh', '-c', `echo 3 >/proc/sys/net/netfilter/nf_conntrack_udp_${setting}`);
    }
    await host.serve();
    caller = startCaller(host.enter, join(host.place.data, 'endpoints.json'));
    await caller.please({ do: 'listen', port: SERVICE_PORT });
    for (const name of NAMES) {
      const small = { image: 'demo', size: '128MB', vcpus: 1, network: { mode: 'bridge' } };
      const body = { name, ...small, health_check: CHECKS[name] };
      await caller.please({ do: 'ask', method: 'POST', path: '/v1/instances', body });
    }
  }, TEST_LIMIT_MS);
  afterAll(async () => {
    caller?.close();
    await host.destroy();
  }, TEST_LIMIT_MS);

  test('stay awake while somebody is connected, over IPv4, IPv6 or UDP, and while one side only has closed', async () => {
    const areRunning = (views: readonly InstanceView[]): boolean => views.every(({ state }) => state === 'Running');
    const views = await until(() => Promise.all(NAMES.map(viewOf)), areRunning, LIMIT_MS);
    const [ipv4, ipv6, udp] = views.map(({ network }) => network);
    await Promise.all([
      caller.please({ do: 'open', name: 'ipv4', host: ipv4!.address!, port: 7 }),
      caller.please({ do: 'open', name: 'ipv6', host: ipv6!.address6!, port: 7 }),
      caller.please({ do: 'send_datagrams', name: 'udp', host: udp!.address!, port: 7 }),
    ]);
    expect((await statusOf('ipv4')).status).toBe('disabled');
    const body = { auto_standby: { enabled: true, idle_timeout: `${IDLE_MS}ms` } };
    for (const name of NAMES) await caller.please({ do: 'ask', method: 'PATCH', path: `/v1/instances/${name}`, body });
    await areSeen(NAMES, 1);
    await staysAwake(NAMES, PAST_IDLE_MS);
    await caller.please({ do: 'half_open', name: 'half', host: ipv4!.address! });
    await caller.please({ do: 'end', name: 'ipv4' });
    await staysAwake(NAMES, PAST_IDLE_MS);
    expect((await viewOf('ipv4')).health_status).toMatchObject({ status: 'healthy' });
  });

  test('sleep once everybody has gone, whatever probes ask and whatever they say themselves; nothing of them is left', async () => {
    const pids = await Promise.all(NAMES.map(async (name) => (await viewOf(name)).pid));
    expect(pids.sort()).toEqual((await vmmsUnder(host.place.data)).sort());
    await Promise.all(['half', 'ipv6', 'udp'].map((name) => caller.please({ do: 'end', name })));
    const goneAt = clock.now();
    const seen = new Map<Name, Set<string>>(NAMES.map((name) => [name, new Set()]));
    const asleep = async (): Promise<string[]> => {
      // The states first: what is told of a guest that is asleep is then told after it fell asleep.
      const states = await Promise.all(NAMES.map(async (name) => (await viewOf(name)).state));
      for (const name of NAMES) {
        const { status, reason, active_inbound_connections } = await statusOf(name);
        seen.get(name)!.add(`${status} (${reason}): ${active_inbound_connections}`);
      }
      return states;
    };
    await until(asleep, (states) => states.every((state) => state === 'Standby'), LIMIT_MS);
    for (const name of NAMES) {
      expect([...seen.get(name)!]).toContain('idle_countdown (idle_timeout_not_elapsed): 0');
      expect([...seen.get(name)!].at(-1)).toBe('ineligible (instance_not_running): 0');
    }
    expect(await caller.please({ do: 'heard_at' })).toBeGreaterThan(goneAt);
    expect(await vmmsUnder(host.place.data)).toEqual([]);
    // Dead by now; their entries go once somebody has reaped them.
    const left = (): unknown[] => pids.filter((pid) => existsSync(`/proc/${pid}`));
    await until(left, (some) => some.length === 0, LIMIT_MS);
    const { capacity } = (await ask('/v1/host')) as { capacity: { memory_bytes: { used: number } } };
    expect(capacity.memory_bytes.used).toBe(0);
  });

  test('are reached at both addresses as soon as they are woken: nobody has to find out where they are', async () => {
    const { network } = await viewOf('ipv4');
    await caller.please({ do: 'ask', method: 'POST', path: '/v1/instances/ipv4/restore', body: { wait: '30s' } });
    const wokenAt = clock.monotonic();
    await Promise.all([
      caller.please({ do: 'open', name: 'again', host: network.address!, port: 7 }),
      caller.please({ do: 'open', name: 'again6', host: network.address6!, port: 7 }),
    ]);
    expect(clock.monotonic() - wokenAt).toBeLessThan(ASKS_AROUND_MS);
    await areSeen(['ipv4'], 2);
    await staysAwake(['ipv4'], PAST_IDLE_MS);
  });

  test('stay awake while somebody beside them speaks to the address that their card gives itself', async () => {
    // Guests have such an address; a host that is to speak to it needs one, too.
    await host.run('ip', 'address', 'add', 'fe80::99/64', 'dev', BRIDGE, 'nodad');
    const { network } = await viewOf('ipv4');
    await caller.please({ do: 'open', name: 'beside', host: `${linkLocal(network.mac!)}%${BRIDGE}`, port: 7 });
    await areSeen(['ipv4'], 3);
    for (const name of ['again', 'again6']) await caller.please({ do: 'end', name });
    await areSeen(['ipv4'], 1);
    await staysAwake(['ipv4'], PAST_IDLE_MS);
  });
});
