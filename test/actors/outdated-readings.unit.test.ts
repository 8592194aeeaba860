import { expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import type { ActivityReading } from '../../src/actors/contracts/activity.ts';
import { scriptedActivity } from './scripted-activity.ts';
import { runningInstance, simulatedHost } from './simulated-host.ts';

const SECOND = 1_000;
const IDLE: ActivityReading = { observer: 'in_order', connections: 0, since: 0 };

test('an idle table that was read for an earlier question puts nobody to sleep, although its word comes after the next one', async () => {
  const nobody = scriptedActivity();
  const activity = { ...nobody, status: () => ({ ...nobody.status(), mode: 'simulated' }) as const };
  const reads: ((reading: ActivityReading) => void)[] = [];
  nobody.table.read = () => new Promise((answer) => reads.push(answer));
  const host = await simulatedHost({
    activity,
    // The first reading is answered while the record is written by which the second is asked for.
    faults: (point, { subject }) => {
      if (point !== 'decided' || subject !== 'host.granted' || reads.length !== 1) return undefined;
      reads[0]!(IDLE);
      return systemClock().turn();
    },
  });
  const id = await runningInstance(host, {
    network: { enabled: true, ports: [] },
    auto_standby: { enabled: true, idle_timeout_ms: SECOND },
  });
  nobody.say(id, { ...IDLE, since: host.clock.now() });
  await host.clock.advance(14 * SECOND);
  expect(reads.length).toBe(2);
  const phase = (): string | undefined => host.instances.get(id)?.phase;
  expect([phase(), (await host.records(id)).map(({ event }) => event.type)]).toEqual([
    'running',
    expect.not.arrayContaining(['traffic.confirmed_idle']),
  ]);
  reads[1]!(IDLE);
  await host.clock.settle();
  expect((await host.records(id)).map(({ event }) => event.type)).toContain('traffic.confirmed_idle');
  await host.supervisor.close();
});
