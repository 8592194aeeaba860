import { describe, expect, test } from 'vitest';
import { SimulatedClock, seededRandom } from '../../../src/actors/clock.ts';
import type { ActivityReading, TrackedGuest } from '../../../src/actors/contracts/activity.ts';
import { controlSimulator } from '../../../src/adapters/simulator/control.ts';
import { createSimulatedActivity } from '../../../src/adapters/simulator/simulated-activity.ts';
import { createWorld } from '../../../src/adapters/simulator/world.ts';

const START = Date.UTC(2026, 0, 1, 12);
const GUEST: TrackedGuest = {
  instance: 'web',
  run: 1,
  addresses: [],
  policy: { enabled: true, idle_timeout_ms: 60_000 },
};

function scene(lookMs: number) {
  const clock = new SimulatedClock(START);
  const world = createWorld({ clock, random: seededRandom(1, clock) });
  const activity = createSimulatedActivity({ world, clock, lookMs });
  return { activity, clock, control: controlSimulator({ world, clock }) };
}

describe('the simulated source of traffic', () => {
  test('tells a first reading, then each change of it once, until it is stopped', async () => {
    const { activity, clock, control } = scene(1_000);
    const readings: ActivityReading[] = [];
    const stop = activity.watch(GUEST, (reading) => readings.push(reading));
    await clock.advance(5_000);
    expect(readings).toEqual([{ observer: 'in_order', connections: 0, since: START }]);
    await control.traffic('web', { open: '203.0.113.7:5000->80' });
    await clock.advance(5_000);
    await control.traffic('web', { observer: 'lost' });
    await clock.advance(5_000);
    expect(readings.slice(1)).toEqual([
      { observer: 'in_order', connections: 1, since: START + 6_000 },
      { observer: 'lost', error: 'the simulated observer missed events' },
    ]);
    stop();
    await control.traffic('web', { observer: 'restored' });
    await clock.advance(5_000);
    expect(readings).toHaveLength(3);
  });

  test('looks only when told to, if it was made so', async () => {
    const { activity, clock, control } = scene(Number.POSITIVE_INFINITY);
    const readings: ActivityReading[] = [];
    activity.watch(GUEST, (reading) => readings.push(reading));
    await clock.settle();
    await control.traffic('web', { open: '203.0.113.7:5000->80' });
    await clock.advance(60_000);
    expect(readings).toHaveLength(1);
    activity.look('web');
    await clock.settle();
    expect(readings.at(-1)).toEqual({ observer: 'in_order', connections: 1, since: START + 60_000 });
  });

  test.for([
    ['a source in an ignored range', '10.1.2.3:5000->80', 0],
    ['an IPv6 source in an ignored range', '[fd00::7]:5000->80', 0],
    ['an ignored port of the guest', '203.0.113.7:5000->9100', 0],
    ['any other', '203.0.113.7:9100->80', 1],
    ['one that cannot be understood', 'somebody', 1],
  ] as const)('counts %s as the policy says', async ([, connection, connections]) => {
    const { activity, control } = scene(Number.POSITIVE_INFINITY);
    const ignore_source_cidrs = ['10.0.0.0/8', 'fd00::/8'];
    const policy = { ...GUEST.policy, ignore_source_cidrs, ignore_destination_ports: [9100] };
    await control.traffic('web', { open: connection });
    expect(await activity.confirm({ ...GUEST, policy })).toEqual({ observer: 'in_order', connections, since: START });
  });
});
