/**
 * Goal: whoever talks to a guest keeps it awake, whatever the host does to packets on their way. Method: real connections
 * from a network beyond the host, over a kernel that forwards, translates, and puts together what comes in fragments.
 */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conntrack } from '../../../src/adapters/conntrack/conntrack.ts';
import { until } from '../../cli/daemon-process.ts';
import { counts, GUEST, isLost, listen } from '../../contracts/activity.world.ts';
import { type Namespace, openNamespace } from '../bridge/namespace.ts';
import { type KernelWorld, listened, makeKernelWorld } from './kernel.world.ts';

const LIMIT_MS = 60_000;
const PATIENCE_MS = 20_000;
const [ADDRESS = '', ADDRESS6 = ''] = GUEST.addresses;
const PROXY = '198.18.0.1';
const CLIENT = '198.18.0.2';
const PUBLISHED = '8080';
const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const FORWARDING = `
ip link add name guest0 type veth peer name eth0 netns GUEST && ip link add name out0 type veth peer name eth0 netns OUTSIDE
ip address add 10.9.0.1/24 dev guest0 && ip address add fd00:9::1/64 dev guest0 nodad && ip link set guest0 up
ip address add ${PROXY}/24 dev out0 && ip link set out0 up
echo 1 > /proc/sys/net/ipv4/ip_forward
printf 'table ip published {
 chain in { type nat hook prerouting priority dstnat; tcp dport ${PUBLISHED} dnat to ${ADDRESS}:80; }
 chain out { type nat hook postrouting priority srcnat; oifname guest0 masquerade; }
}' | nft -f -`;
const IN_A_ZONE = `printf 'table inet zones {
 chain in { type filter hook prerouting priority raw; iifname { out0, guest0 } ct zone set 7; }
}' | nft -f -`;

describe('a client from beyond the host', { timeout: LIMIT_MS }, () => {
  let world: KernelWorld;
  let guest: Namespace;
  let outside: Namespace;
  let source: Conntrack;
  const shell = (place: Namespace, script: string) => place.run('/bin/sh', '-ec', script);

  beforeEach(async () => {
    world = await makeKernelWorld();
    [guest, outside] = [await openNamespace(world.place), await openNamespace(world.place)];
    await shell(world.place, FORWARDING.replace('GUEST', String(guest.pid)).replace('OUTSIDE', String(outside.pid)));
    const up = 'ip link set eth0 up';
    await shell(guest, `ip address add ${ADDRESS}/24 dev eth0; ip address add ${ADDRESS6}/64 dev eth0 nodad; ${up}`);
    await shell(outside, `ip address add ${CLIENT}/24 dev eth0; ${up}; ip route add default via ${PROXY}`);
    source = world.conntrack({ modes: ['netlink'] });
  });
  afterEach(async () => {
    await guest.close();
    await outside.close();
    await world.destroy();
  });

  const serve = (): ChildProcess => guest.start(process.execPath, program('pushing.process.ts'), 'push', ADDRESS, '80');
  const connect = (): ChildProcess =>
    outside.start(process.execPath, program('pushing.process.ts'), 'hear', PROXY, PUBLISHED);

  it('counts behind translated addresses at both ends, and in a zone; it is named by who it is', async () => {
    serve();
    for (const prepare of ['true', IN_A_ZONE]) {
      await shell(world.place, prepare);
      const heard = listen(listened(source));
      await heard.next(counts(0));
      const client = connect();
      await until(
        () => source.confirm(GUEST),
        (reading) => reading.observer === 'in_order' && reading.connections === 1,
        PATIENCE_MS,
      );
      const [shown] = await until(
        () => source.connectionsOf(GUEST.instance)?.listed ?? [],
        (listed) => listed[0]?.state === 'ESTABLISHED',
        PATIENCE_MS,
      );
      expect(shown).toMatchObject({ protocol: 'tcp', client: CLIENT, port: 80 });
      heard.stop();
      client.kill();
      await until(
        () => source.confirm(GUEST),
        (reading) => reading.observer === 'in_order' && reading.connections === 0,
        PATIENCE_MS,
      );
    }
  });

  it('counts when it came while nobody could look', async () => {
    serve();
    const heard = listen(listened(source));
    await heard.next(counts(0));
    process.kill(source.collectorPid()!, 'SIGKILL');
    connect();
    await heard.next(isLost);
    await heard.next(counts(1));
  });

  it('counts again with its next word when somebody clears the whole table', async () => {
    serve();
    const heard = listen(listened(source));
    await heard.next(counts(0));
    world.place.start(process.execPath, program('pushing.process.ts'), 'hear', ADDRESS, '80');
    await heard.next(counts(1));
    for (let times = 0; times < 3; times += 1) {
      await world.place.run('conntrack', '-F');
      await until(
        () => source.confirm(GUEST),
        (reading) => reading.observer === 'in_order' && reading.connections === 1,
        PATIENCE_MS,
      );
    }
  });

  it('counts when its only datagram comes in fragments, over IPv4 and IPv6', async () => {
    const heard = listen(listened(source));
    await heard.next(counts(0));
    await outside.run(process.execPath, program('datagram.process.ts'), ADDRESS, '53');
    await heard.next(counts(1));
    await world.place.run(process.execPath, program('datagram.process.ts'), ADDRESS6, '53');
    await heard.next(counts(2));
    const clients = source.connectionsOf(GUEST.instance)?.listed.map(({ client }) => client) ?? [];
    expect(clients.toSorted()).toEqual([CLIENT, 'fd00:9::1']);
  });
});
