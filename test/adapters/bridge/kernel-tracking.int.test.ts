import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { createBridgeNetwork } from '../../../src/adapters/bridge/bridge-network.ts';
import type { CommandRunner } from '../../../src/adapters/bridge/command-runner.ts';
import { readNeighbours } from '../../../src/adapters/bridge/links.ts';
import { tapName } from '../../../src/adapters/bridge/marks.ts';
import { EVENTS_SETTING, readEvents } from '../../../src/adapters/bridge/tracking.ts';
import { address6, attach, attachedTo, BRIDGE, GATEWAY6, known, lease, RANGE } from '../../contracts/network.world.ts';
import { type BridgeWorld, makeBridgeWorld, OWNER, plugIn } from './bridge.world.ts';
import { type Namespace, openNamespace } from './namespace.ts';

/** IPv6, probes and the tracking of connections, as a real kernel does them. */

const [first, second] = [lease(1), lease(2)];
const LIMIT_MS = 30_000;

describe('a bridge of the kernel', { timeout: LIMIT_MS }, () => {
  let world: BridgeWorld;
  let guest: Namespace;
  beforeEach(async () => {
    world = await makeBridgeWorld();
    guest = await openNamespace(world.place);
  });
  afterEach(async () => {
    await guest.close();
    await world.destroy();
  });

  const plugged = (own6: string): Promise<void> =>
    plugIn(world, guest, { lease: first, addresses: [`${first.address}/${RANGE.prefix}`, `${own6}/64`] });
  const answers = (from: Namespace, ...words: readonly string[]): Promise<boolean> =>
    from.run('busybox', 'ping', '-c', '2', '-i', '0.1', '-W', '1', ...words).then(
      () => true,
      () => false,
    );

  it('hears a guest under its own IPv6 address and tracks both families; probes have a source of their own', async () => {
    await plugged(address6(1));
    expect(await answers(guest, GATEWAY6)).toBe(true);
    expect(await answers(world.place, '-I', RANGE.probe, first.address)).toBe(true);
    const entries = await world.run('conntrack', '-L');
    expect(entries).toContain(`src=${RANGE.probe} dst=${first.address}`);
    expect(await world.run('conntrack', '-L', '-f', 'ipv6')).toContain(`src=${address6(1)} dst=${GATEWAY6}`);
    // Whoever else speaks from this host is never taken for a probe.
    const route = await world.run('ip', '-json', 'route', 'get', first.address);
    expect(JSON.parse(route)).toMatchObject([{ prefsrc: RANGE.gateway }]);
  });

  it('tracks what one guest says to another exactly when it says that it does', async () => {
    await world.run('/bin/sh', '-c', 'echo 0 | tee /proc/sys/net/bridge/bridge-nf-call-* || true');
    await plugged(address6(1));
    const neighbour = await openNamespace(world.place);
    try {
      await plugIn(world, neighbour, { lease: second, addresses: [`${second.address}/24`, `${address6(2)}/64`] });
      expect(await answers(neighbour, first.address)).toBe(true);
      expect(await answers(neighbour, address6(1))).toBe(true);
    } finally {
      await neighbour.close();
    }
    const tracked = [await world.run('conntrack', '-L'), await world.run('conntrack', '-L', '-f', 'ipv6')].join('');
    const { tracks_between_guests } = world.network.status();
    expect(tracked.includes(`src=${second.address} dst=${first.address}`)).toBe(tracks_between_guests);
    expect(tracked.includes(`src=${address6(2)} dst=${address6(1)}`)).toBe(tracks_between_guests);
  });

  it('tracks who reaches a guest through the host from elsewhere', async () => {
    await plugged(address6(1));
    const [host, client] = ['10.92.0.1', '10.92.0.2'];
    const elsewhere = await openNamespace(world.place);
    try {
      const peer = ['peer', 'name', 'eth0', 'netns', String(elsewhere.pid)];
      await world.run('ip', 'link', 'add', 'name', 'uplink0', 'type', 'veth', ...peer);
      await world.run('ip', 'address', 'add', `${host}/24`, 'dev', 'uplink0');
      await world.run('ip', 'link', 'set', 'dev', 'uplink0', 'up');
      await world.run('/bin/sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward');
      await elsewhere.run('ip', 'address', 'add', `${client}/24`, 'dev', 'eth0');
      await elsewhere.run('ip', 'link', 'set', 'dev', 'eth0', 'up');
      await elsewhere.run('ip', 'route', 'add', RANGE.range, 'via', host);
      await guest.run('ip', 'route', 'add', 'default', 'via', RANGE.gateway);
      expect(await answers(elsewhere, first.address)).toBe(true);
    } finally {
      await elsewhere.close();
    }
    expect(await world.run('conntrack', '-L')).toContain(`src=${client} dst=${first.address}`);
  });

  it('does not hear a guest under the IPv6 address of another one', async () => {
    await plugged(address6(2));
    expect(await answers(guest, GATEWAY6)).toBe(false);
  });

  it('does not believe a guest that answers for the IPv6 address of another one', async () => {
    await plugged(address6(1));
    await guest.run('/bin/sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding');
    await guest.run('/bin/sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/eth0/proxy_ndp');
    await guest.run('ip', '-6', 'neigh', 'add', 'proxy', address6(2), 'dev', 'eth0');
    expect(await answers(world.place, address6(2))).toBe(false);
    expect(await answers(world.place, address6(1))).toBe(true);
    const known6 = await readNeighbours(world.runner, BRIDGE);
    expect(known6.find(({ dst }) => dst === address6(2))?.lladdr).toBeUndefined();
    expect(known6.find(({ dst }) => dst === address6(1))?.lladdr).toBe(first.mac);
    const chain = await world.run('nft', 'list', 'chain', 'bridge', 'statevisor', tapName(first.instance));
    expect(chain).toMatch(/counter packets [1-9]/);
  });

  it.each([
    ['hears', `hook output priority raw; oifname "${BRIDGE}"`],
    ['says', `hook prerouting priority raw; iifname "${BRIDGE}"`],
  ])('finds out that some rule exempts what a guest %s, and knows nothing from then on', async (_what, place) => {
    await plugged(address6(1));
    expect(await world.network.keepTracking()).toEqual({ tracking: 'kept' });
    const raw = `table inet others { chain raw { type filter ${place} notrack; }; }`;
    await world.run('/bin/sh', '-c', `echo '${raw}' | nft -f -`);
    expect(await answers(world.place, first.address)).toBe(true);
    // Pings are no connections: of those nothing is missed.
    expect(await world.network.keepTracking()).toEqual({ tracking: 'kept' });
    await guest.run('/bin/sh', '-c', 'busybox nc -l -p 80 </dev/null >/dev/null 2>&1 &');
    const reach = `for i in $(seq 200); do busybox nc -w 1 ${first.address} 80 </dev/null && exit 0; sleep 0.1; done`;
    await world.run('/bin/sh', '-c', reach);
    await world.run('nft', 'delete', 'table', 'inet', 'others');
    const exempt = { error: { code: 'not_tracked', message: expect.stringContaining('notrack') } };
    expect(await world.network.keepTracking()).toMatchObject(exempt);
    expect(world.network.status().not_tracked).toContain('notrack');
    expect(await world.network.check()).toMatchObject([exempt.error]);
    const later = world.reopen();
    await later.reconcile(known(first));
    expect(await later.keepTracking()).toEqual({ tracking: 'kept' });
  });

  it('that somebody flushed the filter of is repaired whole: what is tracked, and what guests may say', async () => {
    await attach(world.network, first);
    await world.run('nft', 'flush', 'ruleset');
    expect(await world.network.keepTracking()).toEqual({ tracking: 'repaired' });
    expect(await world.seen()).toEqual(attachedTo(first));
    expect(world.network.status().repairs).toBe(1);
  });

  it('makes the kernel tell of all connections, and puts its setting back when it is removed', async () => {
    await world.run('/bin/sh', '-c', `echo 0 >${EVENTS_SETTING}`);
    await world.network.reconcile(known());
    expect(await readEvents(world.runner)).toBe('1');
    await world.run('/bin/sh', '-c', `echo 2 >${EVENTS_SETTING}`);
    expect((await world.network.check()).map(({ code }) => code)).toEqual(['not_tracked']);
    const later = world.reopen();
    await later.reconcile(known());
    expect(await readEvents(world.runner)).toBe('1');
    expect(await later.remove()).toBeNull();
    expect(await readEvents(world.runner)).toBe('0');
  });

  it('attaches guests where the setting cannot be written, and says what that means', async () => {
    const run: CommandRunner = async (program, args, input) => {
      const refused = { status: 1, stdout: '', stderr: 'tee: Read-only file system', missing: false };
      return program === 'tee' ? refused : world.runner(program, args, input);
    };
    const site = { bridge: BRIDGE, owner: OWNER, ...RANGE, nat: false, uid: 0 };
    const network = createBridgeNetwork({ ...site, clock: systemClock(), run });
    await attach(network, first);
    expect(network.status()).toMatchObject({ last_error: null, not_tracked: expect.stringContaining('sysctl') });
    expect(await network.keepTracking()).toMatchObject({ error: { code: 'not_tracked' } });
  });
});
