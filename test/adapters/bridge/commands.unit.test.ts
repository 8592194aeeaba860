import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import type { Network } from '../../../src/actors/contracts/network.ts';
import { createBridgeNetwork } from '../../../src/adapters/bridge/bridge-network.ts';
import type { Ran } from '../../../src/adapters/bridge/command-runner.ts';
import { bridgeMac, tapMac, tapName } from '../../../src/adapters/bridge/marks.ts';
import { BY_NETFILTER, IN_BRIDGE } from '../../../src/adapters/bridge/tracking.ts';
import { address6, attach, BRIDGE, GATEWAY6, known, lease, RANGE, refusal } from '../../contracts/network.world.ts';
import { linksOf, type Recording, recordingRunner } from './recording-runner.ts';

const OWNER = 'aaaaaaaaaaaaaaaa';
const LOOK = 'ip -json -details address show';
const IN_BRIDGE_CHECK = `nft --check ${IN_BRIDGE}`;
const EVENTS = 'cat /proc/sys/net/netfilter/nf_conntrack_events';
const first = lease(1);
const tap = tapName(first.instance);

function networkWith(answer?: (command: string) => Partial<Ran> | null): Recording & { network: Network } {
  const recording = recordingRunner(answer);
  const clock = new SimulatedClock(0);
  const { run } = recording;
  const network = createBridgeNetwork({ bridge: BRIDGE, owner: OWNER, ...RANGE, nat: true, uid: 1000, clock, run });
  return { ...recording, network };
}

/** The bridge as it should be. */
const bridge = {
  ifname: BRIDGE,
  flags: ['UP'],
  address: bridgeMac(OWNER),
  ifalias: `statevisor:${OWNER}`,
  linkinfo: { info_kind: 'bridge' },
  addr_info: [
    { family: 'inet', local: RANGE.gateway, prefixlen: RANGE.prefix, scope: 'global' },
    { family: 'inet', local: RANGE.probe, prefixlen: 32, scope: 'global' },
    { family: 'inet6', local: GATEWAY6, prefixlen: 64, scope: 'global' },
    { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' },
  ],
};
const tables = { stdout: JSON.stringify({ nftables: [{ rule: { comment: `statevisor:${OWNER}` } }] }) };
const inOrder = (command: string): Partial<Ran> | null => {
  if (command === LOOK) return { stdout: linksOf(bridge) };
  return command.startsWith('nft -j -t list') ? tables : null;
};

describe('the commands of the bridge', () => {
  it('on a host with nothing: the bridge, then the filter, then the guest in it, then its tap, and up at the end', async () => {
    const { network, commands } = networkWith();
    await attach(network, first);
    expect(commands).toEqual([
      LOOK,
      IN_BRIDGE_CHECK,
      'ip -batch -',
      `link add name ${BRIDGE} address ${bridgeMac(OWNER)} type bridge nf_call_iptables 0 nf_call_ip6tables 0`,
      `link set dev ${BRIDGE} alias statevisor:${OWNER} addrgenmode none`,
      `address add ${RANGE.gateway}/${RANGE.prefix} dev ${BRIDGE}`,
      `address add ${RANGE.probe}/32 dev ${BRIDGE}`,
      `address add ${GATEWAY6}/64 dev ${BRIDGE} nodad`,
      `link set dev ${BRIDGE} up`,
      'nft -j -t list table bridge statevisor',
      'nft -j -t list table inet statevisor',
      EVENTS,
      'nft -j -f -',
      'add table bridge statevisor',
      ...['add set bridge taps', 'add set bridge guests', 'add set bridge guests6', 'add map bridge neighbours'],
      'add chain bridge from_guests',
      ...new Array(7).fill('add rule bridge from_guests'),
      ...['add chain bridge between_guests', 'add rule bridge between_guests'],
      ...['add table inet statevisor', 'add chain inet from_guests'],
      ...new Array(2).fill('add rule inet from_guests'),
      ...['add chain inet from_host', 'add rule inet from_host', 'add chain inet to_guests', 'add rule inet to_guests'],
      ...['add chain inet beyond', 'add rule inet beyond'],
      ...[EVENTS, EVENTS.replace('cat', 'tee'), 'write 1'],
      'nft -j -f -',
      ...[`add chain bridge ${tap}`, `flush chain bridge ${tap}`, `add rule bridge ${tap}`],
      ...['add element bridge taps', 'add element bridge guests'],
      ...['add element bridge guests6', 'add element bridge neighbours'],
      'ip -batch -',
      `tuntap add dev ${tap} mode tap user 1000`,
      `link set dev ${tap} address ${tapMac(first.mac)} alias statevisor:${OWNER}:${first.instance} addrgenmode none`,
      `link set dev ${tap} master ${BRIDGE}`,
      `link set dev ${tap} up`,
      `neigh replace ${first.address} lladdr ${first.mac} dev ${BRIDGE} nud permanent`,
      `neigh replace ${address6(1)} lladdr ${first.mac} dev ${BRIDGE} nud permanent`,
    ]);
  });

  it.each<[string, number, boolean]>([
    ['hands what goes from guest to guest to other tables where the kernel cannot track it in the bridge', 0, true],
    ['says that it is not tracked where the kernel can do neither', 1, false],
  ])('%s', async (_what, status, isTracked) => {
    const { network, commands } = networkWith((command) => {
      if (command === IN_BRIDGE_CHECK) return { status: 1, stderr: 'Error: Could not process rule: Protocol error' };
      return command === `cat ${BY_NETFILTER}` ? { status } : null;
    });
    await attach(network, first);
    expect(commands.some((command) => command.endsWith('nf_call_iptables 1 nf_call_ip6tables 1'))).toBe(isTracked);
    expect(commands).not.toContain('add chain bridge between_guests');
    expect(network.status().tracks_between_guests).toBe(isTracked);
  });

  it('on a host in order: one look, two at the filter, and the guest', async () => {
    const { network, commands } = networkWith(inOrder);
    await attach(network, first);
    expect(commands.filter((command) => /^(ip|nft) /.test(command))).toEqual([
      LOOK,
      IN_BRIDGE_CHECK,
      'nft -j -t list table bridge statevisor',
      'nft -j -t list table inet statevisor',
      'nft -j -f -',
      'ip -batch -',
    ]);
  });

  it('packets that the kernel was told not to track are found in the counters of the filter: nothing is known any more', async () => {
    const rules = (packets: number): Partial<Ran> => {
      const counting = { rule: { comment: 'untracked', expr: [{ counter: { packets, bytes: 60 * packets } }] } };
      const marked = { rule: { comment: `statevisor:${OWNER}`, expr: [{ counter: { packets: 9, bytes: 9 } }] } };
      return { stdout: JSON.stringify({ nftables: [marked, counting, counting] }) };
    };
    let packets = 0;
    const { network } = networkWith((command) => {
      if (command === EVENTS) return { stdout: '1\n' };
      return command.startsWith('nft -j -t list') ? rules(packets) : inOrder(command);
    });
    expect(await network.keepTracking()).toEqual({ tracking: 'kept' });
    packets = 1;
    expect(await network.keepTracking()).toMatchObject({ error: { code: 'not_tracked' } });
    expect(network.status().not_tracked).toContain(
      'a rule "notrack" of this host exempts traffic of guests (2 packets',
    );
  });

  it('a tap that could not be finished is removed again, with its neighbour entry and its place in the filter', async () => {
    const { network, commands } = networkWith((command) =>
      command === `link set dev ${tap} up`
        ? { status: 1, stderr: 'RTNETLINK answers: No buffer space' }
        : inOrder(command),
    );
    expect(await refusal(network, first)).toBe('network_failed');
    const failed = commands.indexOf(`link set dev ${tap} up`);
    const after = commands.slice(failed);
    expect(after).toContain(`link delete dev ${tap}`);
    expect(after).toContain(`neigh delete ${first.address} dev ${BRIDGE}`);
    expect(after.slice(-6)).toEqual([
      ...['delete element bridge taps', 'delete element bridge guests'],
      ...['delete element bridge guests6', 'delete element bridge neighbours'],
      ...[`flush chain bridge ${tap}`, `delete chain bridge ${tap}`],
    ]);
    expect(network.status().last_error?.message).toContain('No buffer space');
  });

  it('when the guest cannot be let through, no tap is made', async () => {
    const { network, commands } = networkWith((command) =>
      command.startsWith('add element') ? { status: 1, stderr: 'Error: Could not process rule' } : inOrder(command),
    );
    expect(await refusal(network, first)).toBe('network_failed');
    expect(commands.filter((command) => command.startsWith('tuntap'))).toEqual([]);
  });

  it('a bridge that goes away in the middle is told as bridge_missing', async () => {
    const { network } = networkWith((command) =>
      command === `link set dev ${tap} master ${BRIDGE}`
        ? { status: 1, stderr: `Error: argument "${BRIDGE}" is wrong: Device does not exist` }
        : inOrder(command),
    );
    expect(await refusal(network, first)).toBe('bridge_missing');
  });

  it.each<[string, Partial<Ran>, string]>([
    ['a missing program', { status: null, missing: true }, 'tools_missing'],
    ['a program that does not answer in time', { status: null }, 'network_failed'],
    ['what cannot be read', { stdout: '[{"ifname":' }, 'network_failed'],
    ['a refusal of the kernel', { status: 2, stderr: 'RTNETLINK answers: Operation not permitted' }, 'no_rights'],
  ])('%s changes nothing and has its code', async (_what, ran, code) => {
    const { network, commands } = networkWith((command) => (command === LOOK ? ran : null));
    expect(await refusal(network, first)).toBe(code);
    expect(commands).toEqual([LOOK]);
  });

  it('one operation waits for the other, and a failed one does not hold up the next', async () => {
    const { network, commands } = networkWith();
    let looks = 0;
    const broken = networkWith((command) => (command === LOOK && looks++ === 0 ? { status: null } : null));
    await Promise.all([network.attach(first, new AbortController().signal), network.reconcile(known(first))]);
    const secondLook = commands.lastIndexOf(LOOK);
    expect(commands.slice(0, secondLook)).toContain(`link set dev ${tap} up`);
    expect(await Promise.all([refusal(broken.network, first), refusal(broken.network, first)])).toEqual([
      'network_failed',
      'attached',
    ]);
  });
});
