import { describe, expect, test } from 'vitest';
import { whyAwake } from '../../machines/wakefulness.ts';
import type { ActivityReading } from '../../src/actors/contracts/activity.ts';
import { IDLE_EDGE_SETTLE_MS, WATCH_RETRY_MS } from '../../src/actors/tracking/traffic-tracking.ts';
import { methodsOf } from '../contracts/lying-networks.ts';
import { scriptedActivity } from './scripted-activity.ts';
import { runningInstance, simulatedHost } from './simulated-host.ts';
import { auto_standby, BRIDGED, bridge, edges, tracked } from './tracked-host.ts';

describe('an edge of traffic', () => {
  test('is recorded at once when somebody begins to talk, and when nobody does and nobody began of late', async () => {
    const { host, id, open, closed } = await tracked();
    const from = host.clock.now();
    closed();
    await host.clock.advance(20_000);
    open();
    await host.clock.advance(IDLE_EDGE_SETTLE_MS);
    closed();
    await host.clock.settle();
    expect(await edges(host, id, from)).toEqual([
      ['traffic.idle', 0],
      ['traffic.active', 20_000],
      ['traffic.idle', 20_000 + IDLE_EDGE_SETTLE_MS],
    ]);
  });

  test('waits when somebody began to talk just before, and then says since when nobody does', async () => {
    const { host, id, open, closed } = await tracked();
    closed();
    await host.clock.advance(20_000);
    const from = host.clock.now();
    open();
    await host.clock.advance(100);
    closed();
    await host.clock.advance(IDLE_EDGE_SETTLE_MS);
    expect(await edges(host, id, from)).toEqual([
      ['traffic.active', 0],
      ['traffic.idle', IDLE_EDGE_SETTLE_MS],
    ]);
    expect((await host.records(id)).at(-1)!.event).toMatchObject({ type: 'traffic.idle', since: from + 100 });
  });

  test.each([
    ['between two milliseconds', 0.25],
    ['before all time', Number.NEGATIVE_INFINITY],
  ])('whose instant is %s is told all the same', async (_what, later) => {
    const { activity, host, id } = await tracked();
    await host.clock.advance(20_000);
    const from = host.clock.now();
    activity.say(id, { observer: 'in_order', connections: 0, since: from - 1 + later });
    await host.clock.settle();
    const since = Number.isFinite(later) ? from - 1 : 0;
    expect((await host.records(id)).at(-1)).toMatchObject({ at: from, event: { type: 'traffic.idle', since } });
  });

  test('is not told at the end of the wait when somebody talks again', async () => {
    const { host, id, open, closed } = await tracked();
    closed();
    await host.clock.advance(20_000);
    const from = host.clock.now();
    open();
    closed();
    await host.clock.advance(4_000);
    open();
    await host.clock.advance(60_000);
    expect(await edges(host, id, from)).toEqual([['traffic.active', 0]]);
  });

  test('of a burst of connections is one pair in five seconds at most, and of a quiet guest it is none', async () => {
    const { activity, host, id, open, closed } = await tracked();
    closed();
    await host.clock.advance(20_000);
    const from = host.clock.now();
    for (let i = 0; i < 300; i++) {
      open();
      await host.clock.advance(50);
      closed();
      await host.clock.advance(50);
    }
    const written = await edges(host, id, from);
    expect(written.filter(([type]) => type === 'traffic.active')).toHaveLength(6);
    expect(written.filter(([type]) => type === 'traffic.idle').length).toBeLessThanOrEqual(6);
    await host.clock.advance(IDLE_EDGE_SETTLE_MS);
    const before = (await host.records(id)).length;
    const same = { observer: 'in_order', connections: 0, since: host.clock.now() - IDLE_EDGE_SETTLE_MS - 50 } as const;
    for (let i = 0; i < 100; i++) activity.say(id, same);
    await host.clock.advance(30_000);
    expect(await host.records(id)).toHaveLength(before);
  });

  test('takes no record for one connection more or less', async () => {
    const { host, id, open } = await tracked();
    open();
    await host.clock.settle();
    const before = (await host.records(id)).length;
    for (let connections = 2; connections < 50; connections++) open(connections);
    await host.clock.advance(60_000);
    expect(await host.records(id)).toHaveLength(before);
  });
});

describe('a source that has lost sight', () => {
  test('is recorded once for each time, and a wait that is under way ends in nothing', async () => {
    const { host, id, open, closed, lost } = await tracked();
    closed();
    await host.clock.advance(20_000);
    const from = host.clock.now();
    open();
    closed();
    for (let i = 0; i < 5; i++) lost();
    await host.clock.advance(30_000);
    expect(await edges(host, id, from)).toEqual([
      ['traffic.active', 0],
      ['observer.lost', 0],
    ]);
    closed();
    await host.clock.settle();
    expect((await edges(host, id, from)).slice(2)).toEqual([
      ['observer.restored', 30_000],
      ['traffic.idle', 30_000],
    ]);
  });

  test('that cannot watch one guest watches the others, and is asked again about the one', async () => {
    let refusals = 2;
    const activity = scriptedActivity();
    const { watch } = activity;
    Object.assign(activity, {
      watch: (...[guest, tell]: Parameters<typeof watch>) => {
        if (guest.addresses[0]?.endsWith('.2') && refusals-- > 0) throw new Error('unreadable');
        return watch(guest, tell);
      },
    });
    const host = await simulatedHost({ activity, ...bridge() });
    const first = await runningInstance(host, { name: 'first', network: BRIDGED, auto_standby });
    const second = await runningInstance(host, { name: 'second', network: BRIDGED, auto_standby });
    expect(activity.watched.map(({ instance }) => instance)).toEqual([second]);
    expect(host.supervisor.activity().standbyReadings(first).reading).toMatchObject({ observer: 'lost' });
    await host.clock.advance(2 * WATCH_RETRY_MS);
    expect(activity.watched.map(({ instance }) => instance)).toEqual([second, first]);
    activity.say(first, { observer: 'in_order', connections: 0, since: 0 });
    await host.clock.settle();
    expect((await host.records(first)).at(-1)!.event.type).toBe('traffic.idle');
  });
});

describe('the traffic of a guest', () => {
  test('is watched under its addresses from when it is ready until its run ends', async () => {
    const { activity, host, id } = await tracked();
    const [guest] = activity.watched;
    expect(guest).toMatchObject({ instance: id, run: 1, policy: { ignore_destination_ports: [] } });
    expect(guest!.addresses).toEqual(['10.77.0.2', expect.stringMatching(/^fd.*::a4d:2$/), 'fe80::53:aff:fe4d:2']);
    await host.control.guestExit(id, 0);
    await host.clock.settle();
    expect(activity.watched).toEqual([]);
  });

  test('is counted without the probes of the daemon, by the address that nothing else speaks from', async () => {
    const { activity } = await tracked();
    expect(activity.watched[0]!.policy.ignore_source_cidrs).toEqual(['10.77.255.254/32']);
  });

  test('is counted without them also after a restart, before the network has been put in order', async () => {
    const { host } = await tracked();
    const activity = scriptedActivity();
    const { addresses, network } = bridge();
    const unordered = { ...methodsOf(network), reconcile: () => new Promise<never>(() => {}) };
    await host.restart({ activity, addresses, network: unordered });
    expect(activity.watched[0]!.policy.ignore_source_cidrs).toEqual(['10.77.255.254/32']);
  });

  test('is not watched in the kernel when the guest shares the addresses of the host, which keeps it awake', async () => {
    const activity = scriptedActivity();
    const host = await simulatedHost({ activity });
    const id = await runningInstance(host, { auto_standby });
    activity.say(id, { observer: 'in_order', connections: 0, since: 0 });
    await host.clock.advance(600_000);
    expect(activity.watched).toEqual([]);
    expect(host.instances.get(id)?.phase).toBe('running');
  });

  test.each([
    ['the guest shares the addresses of its host', { activity: scriptedActivity() }],
    ['nothing on the host watches', bridge()],
  ])('is said to be unseen, once, where %s: it is not awake for a connection', async (_why, options) => {
    const host = await simulatedHost(options);
    const network = 'network' in options ? BRIDGED : undefined;
    const id = await runningInstance(host, { auto_standby, ...(network && { network }) });
    await host.clock.advance(600_000);
    expect((await edges(host, id, 0)).map(([type]) => type)).toEqual(['observer.lost']);
    const { state, definition } = (await host.records(id)).at(-1)!;
    expect(whyAwake(state, { ...definition!, auto_standby }, host.clock.now())).toBe('observer_blind');
    await host.restart({ activity: scriptedActivity(), ...bridge() });
    await host.clock.settle();
    expect((await edges(host, id, 0)).map(([type]) => type)).toEqual(['observer.lost']);
  });

  test('is shown as it was read last, with what the source says of itself', async () => {
    const { activity, host, id, open } = await tracked();
    const { supervisor } = host;
    expect(supervisor.activity().standbyReadings(id)).toEqual({ reading: null, connections: undefined });
    open(3);
    const reading: ActivityReading = { observer: 'in_order', connections: 3, since: host.clock.now() };
    expect(supervisor.activity().standbyReadings(id)).toEqual({ reading, connections: { connections: 3, listed: [] } });
    expect(supervisor.activity().observer).toEqual(activity.status());
    await supervisor.command(id, { type: 'stop', by: 'test' }, { actor: 'test', via: 'http' });
    await host.clock.advance(30_000);
    expect(supervisor.activity().standbyReadings(id)).toEqual({ reading: null, connections: undefined });
    expect((await simulatedHost()).supervisor.activity().observer).toBeNull();
  });
});
