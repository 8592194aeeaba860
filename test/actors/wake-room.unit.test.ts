import { expect, test } from 'vitest';
import { definition, OPERATOR, phasesOf, runningInstance, simulatedHost } from './simulated-host.ts';

const by = OPERATOR.actor;
const SECOND = 1_000;
const { memory_bytes } = definition();

test('a guest that its schedule wants awake waits for memory, sleeps on meanwhile, and wakes as soon as there is some', async () => {
  const roomForOne = { memory_bytes, vcpus: 100, disk_bytes: 100 * memory_bytes };
  const host = await simulatedHost({ capacity: { ...roomForOne, overcommit: { memory: 1, vcpus: 1, disk: 1 } } });
  const schedules = { wake: { cron: '0 8 * * *', time_zone: 'UTC' } };
  const sleeper = await runningInstance(host, { name: 'sleeper', schedules });
  await host.supervisor.command(sleeper, { type: 'standby', by }, OPERATOR);
  await host.clock.advance(5 * SECOND);
  const other = await runningInstance(host, { name: 'other' });
  expect(phasesOf(host, [sleeper, other])).toEqual(['standby', 'running']);
  host.supervisor.observe(sleeper, { type: 'schedule.due', schedule: 'wake', minute: host.clock.now() });
  await host.clock.advance(5 * SECOND);
  expect(host.supervisor.capacity().held).toMatchObject([{ name: 'sleeper', purpose: 'wake', reason: 'memory' }]);
  expect(host.instances.get(sleeper)?.state).toBe('Standby');
  await host.restart();
  expect(host.supervisor.capacity().held).toMatchObject([{ name: 'sleeper', purpose: 'wake' }]);
  await host.supervisor.command(other, { type: 'stop', by, force: true }, OPERATOR);
  await host.clock.advance(5 * SECOND);
  expect(phasesOf(host, [sleeper])).toEqual(['running']);
  expect(host.supervisor.capacity().held).toEqual([]);
});
