import { describe, expect, test } from 'vitest';
import { SimulatedClock, seededRandom } from '../../../src/actors/clock.ts';
import type { ActivityReading, TrackedGuest } from '../../../src/actors/contracts/activity.ts';
import { controlSimulator } from '../../../src/adapters/simulator/control.ts';
import { createSimulatedActivity, simulatedActivityOver } from '../../../src/adapters/simulator/simulated-activity.ts';
import { createWorld } from '../../../src/adapters/simulator/world.ts';
import { directPort } from '../../../src/adapters/simulator/world-port.ts';

const START = Date.UTC(2026, 0, 1, 12);
const GUEST: TrackedGuest = {
  instance: 'web',
  run: 1,
  addresses: [],
  policy: {},
};
const CLIENT = '203.0.113.7:5000->80';

function scene() {
  const clock = new SimulatedClock(START);
  const world = createWorld({ clock, random: seededRandom(1, clock) });
  const activity = createSimulatedActivity({ world, clock });
  const readings: ActivityReading[] = [];
  return {
    activity,
    clock,
    world,
    control: controlSimulator({ world, clock }),
    readings,
    watch: async (guest: TrackedGuest = GUEST) => {
      const stop = activity.watch(guest, (reading) => readings.push(reading));
      await clock.settle();
      return stop;
    },
  };
}

const idle = (after: number) => ({ observer: 'in_order', connections: 0, since: START + after });
const busy = (after: number, connections = 1) => ({ observer: 'in_order', connections, since: START + after });
const lost = (error: string) => ({ observer: 'lost', error: expect.stringContaining(error) });

describe('the simulated source of traffic', () => {
  test('tells a first reading from a dump, then each change of it at once, until it is stopped', async () => {
    const { watch, clock, control, readings } = scene();
    const stop = await watch();
    await clock.advance(5_000);
    await control.traffic('web', { open: CLIENT });
    await clock.advance(5_000);
    await control.traffic('web', { open: '203.0.113.7:5001->80' });
    await control.traffic('web', { close: CLIENT });
    await clock.advance(5_000);
    await control.traffic('web', { close: '203.0.113.7:5001->80' });
    await clock.settle();
    expect(readings).toEqual([idle(0), busy(5_000), busy(5_000, 2), busy(5_000), idle(15_000)]);
    stop();
    await control.traffic('web', { open: CLIENT });
    await clock.settle();
    expect(readings).toHaveLength(5);
  });

  test('of a world in another process reads its events now and then', async () => {
    const { world, clock, control } = scene();
    const { observeTable, ...port } = directPort(world);
    const readings: ActivityReading[] = [];
    simulatedActivityOver(port, clock, { lookMs: 1_000 }).watch(GUEST, (reading) => readings.push(reading));
    await clock.settle();
    await control.traffic('web', { open: CLIENT });
    await clock.advance(999);
    expect(readings).toEqual([idle(0)]);
    await clock.advance(1);
    expect(readings).toEqual([idle(0), busy(0)]);
  });

  test('lists what it counts, and stops counting a connection that is over although its entry is there', async () => {
    const { activity, watch, control, clock } = scene();
    await watch();
    await control.traffic('web', { open: CLIENT, state: 'SYN_SENT' });
    await clock.settle();
    const shown = { protocol: 'tcp', client: '203.0.113.7', client_port: 5_000, port: 80, state: 'SYN_SENT' };
    expect(activity.connectionsOf('web')).toEqual({ connections: 1, listed: [shown] });
    await control.traffic('web', { packet: CLIENT, state: 'TIME_WAIT' });
    await clock.settle();
    expect(activity.connectionsOf('web')).toEqual({ connections: 0, listed: [] });
    expect(activity.connectionsOf('other')).toBeUndefined();
  });

  test.for([
    ['a source in an ignored range', '10.1.2.3:5000->80', 0],
    ['an IPv6 source in an ignored range', '[fd00::7]:5000->80', 0],
    ['an ignored port of the guest', '203.0.113.7:5000->9100', 0],
    ['any other', '203.0.113.7:9100->80', 1],
    ['UDP', 'udp 203.0.113.7:9100->53', 1],
    ['one that cannot be understood', 'somebody', 1],
  ] as const)('counts %s as the policy says', async ([, connection, connections]) => {
    const { activity, control } = scene();
    const ignore_source_cidrs = ['10.0.0.0/8', 'fd00::/8'];
    const policy = { ...GUEST.policy, ignore_source_cidrs, ignore_destination_ports: [9100] };
    await control.traffic('web', { open: connection });
    expect(await activity.confirm({ ...GUEST, policy })).toMatchObject({ observer: 'in_order', connections });
  });

  test('finds the entries of a former guest on an address, until they are removed', async () => {
    const { activity, control, clock, readings, watch } = scene();
    await control.traffic('gone', { open: '203.0.113.7:5000->10.66.0.5:80' });
    await watch({ ...GUEST, addresses: ['10.66.0.5'] });
    const inTime = clock.now() + 1_000;
    await activity.forget(['10.66.0.6'], inTime);
    await clock.settle();
    expect(readings).toEqual([busy(0)]);
    await activity.forget(['10.66.0.5'], inTime);
    await clock.settle();
    expect(readings).toEqual([busy(0), idle(0)]);
  });
});

describe('entries of the simulated table', () => {
  test('of UDP end when they have been quiet for 30 s; a packet keeps one, and no event tells of it', async () => {
    const { activity, watch, control, clock, readings } = scene();
    await watch();
    await control.traffic('web', { open: 'udp 203.0.113.7:5000->53' });
    await clock.advance(20_000);
    const { events } = activity.status();
    await control.traffic('web', { packet: 'udp 203.0.113.7:5000->53' });
    await clock.advance(29_999);
    expect([readings, activity.status().events]).toEqual([[idle(0), busy(0)], events]);
    await clock.advance(1);
    expect(readings.at(-1)).toEqual(idle(50_000));
  });

  test('of a handshake that nobody answers end after 120 s', async () => {
    const { watch, control, clock, readings } = scene();
    await watch();
    await control.traffic('web', { open: CLIENT, state: 'SYN_SENT' });
    await clock.advance(120_000);
    expect(readings).toEqual([idle(0), busy(0), idle(120_000)]);
  });
});

describe('a loss of events', () => {
  test('that is told is told on at once, and ends with a new dump: what was missed is known then', async () => {
    const { activity, watch, control, clock, readings } = scene();
    await watch();
    await control.setTable({ events: 'overrun' }, 1);
    await control.traffic('web', { open: CLIENT });
    await clock.settle();
    expect(readings).toEqual([idle(0), lost('lost'), busy(0)]);
    expect(activity.status()).toMatchObject({ state: 'in_order', losses: 1, resyncs: 1, dumps: 2 });
  });

  test('goes on for as long as the table cannot be read', async () => {
    const { activity, watch, control, clock, readings } = scene();
    await watch();
    await control.setTable({ dumps: 'fail' });
    await control.setTable({ events: 'overrun' }, 1);
    await control.traffic('web', { open: CLIENT });
    await clock.advance(60_000);
    expect(readings).toEqual([idle(0), lost('lost')]);
    expect([activity.status().state, activity.connectionsOf('web')]).toEqual(['lost', undefined]);
    await control.setTable({ dumps: 'ok' });
    await clock.advance(2_000);
    expect(readings.slice(2)).toEqual([busy(62_000)]);
  });

  test('that nobody is told of is found by whoever confirms, and by the re-check', async () => {
    const { activity, watch, control, clock, readings } = scene();
    await watch();
    await control.setTable({ events: 'lost' });
    await control.traffic('web', { open: CLIENT });
    await clock.advance(10_000);
    expect(readings).toEqual([idle(0)]);
    expect(await activity.confirm(GUEST)).toMatchObject({ connections: 1 });
    await control.traffic('web', { close: CLIENT });
    await clock.advance(300_000);
    expect(readings.slice(1)).toEqual([busy(10_000), idle(300_000)]);
    expect(activity.status().losses).toBe(2);
  });

  test('is not a message that means nothing: that is skipped and counted', async () => {
    const { activity, watch, control, clock, readings } = scene();
    await watch();
    await control.setTable({ events: 'garbage' }, 1);
    await control.traffic('web', { open: 'udp 203.0.113.7:5000->53' });
    await control.traffic('web', { open: CLIENT });
    await clock.settle();
    expect(readings).toEqual([idle(0), busy(0)]);
    expect(activity.status()).toMatchObject({ state: 'in_order', garbage: 1 });
  });
});

describe('a dump', () => {
  test('that cannot be made, or does not end, confirms nothing and ends by its own limit', async () => {
    const { activity, control, clock } = scene();
    await control.setTable({ dumps: 'fail' }, 1);
    expect(await activity.confirm(GUEST)).toEqual(lost('cannot be read'));
    await control.setTable({ dumps: 'hang' }, 1);
    const asked = activity.confirm(GUEST);
    await clock.advance(5_000);
    expect(await asked).toEqual(lost('did not answer'));
  });

  test('that takes time is brought up to date with what changed meanwhile', async () => {
    const { activity, watch, control, clock } = scene();
    await watch();
    await control.traffic('web', { open: CLIENT });
    await control.setTable({ dumps: { slow: 2_000 } }, 1);
    const asked = activity.confirm(GUEST);
    await clock.advance(1_000);
    await control.traffic('web', { open: '203.0.113.7:5001->80' });
    await control.traffic('web', { close: CLIENT });
    await control.traffic('web', { open: '203.0.113.7:5002->80' });
    await clock.advance(1_000);
    expect(await asked).toMatchObject({ observer: 'in_order', connections: 2 });
  });

  test('confirms nothing when events were lost while it was made', async () => {
    const { activity, watch, control, clock } = scene();
    await watch();
    await control.setTable({ dumps: { slow: 2_000 } }, 1);
    const asked = activity.confirm(GUEST);
    await clock.advance(1_000);
    await control.setTable({ events: 'overrun' }, 1);
    await control.traffic('web', { open: CLIENT });
    await clock.advance(1_000);
    expect(await asked).toEqual(lost('lost'));
  });

  test('serves all who ask before it begins, and nobody who asks after', async () => {
    const { activity, control, clock } = scene();
    await control.setTable({ dumps: { slow: 1_000 } });
    const first = activity.confirm(GUEST);
    await clock.settle();
    await control.traffic('web', { open: CLIENT });
    const others = Array.from({ length: 100 }, () => activity.confirm(GUEST));
    await clock.advance(2_000);
    expect(activity.status().dumps).toBe(2);
    for (const reading of await Promise.all([first, ...others])) expect(reading).toMatchObject({ connections: 1 });
  });

  test('of more entries than one answer holds is whole', async () => {
    const { activity, control } = scene();
    for (let n = 0; n < 2_500; n++) await control.traffic('web', { open: `203.0.113.7:${n}->80` });
    expect(await activity.confirm(GUEST)).toMatchObject({ connections: 2_500 });
    expect(activity.status().entries).toBe(2_500);
  });
});
