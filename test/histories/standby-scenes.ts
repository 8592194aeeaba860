import { OPERATOR, runningInstance, type SimulatedHost } from '../actors/simulated-host.ts';

/** Scenes of named snapshots and of schedules. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const by = OPERATOR.actor;
const CRON = { cron: '0 7 * * *', time_zone: 'UTC' };

/** Kept while it runs and while it sleeps, brought back awake and asleep, deleted. */
export async function keptAndBroughtBack(host: SimulatedHost): Promise<string> {
  const id = await runningInstance(host, { restart_policy: null });
  // Called back before it is paused.
  await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
  await host.supervisor.command(id, { type: 'start', by }, OPERATOR);
  await host.clock.advance(30 * SECOND);
  const commands = [
    { type: 'create_snapshot', by, name: 'first' },
    { type: 'standby', by },
    { type: 'create_snapshot', by, name: 'second' },
    { type: 'restore', by },
    { type: 'stop', by },
    { type: 'restore_snapshot', by, name: 'first', then: 'running' },
    { type: 'delete_snapshot', by, name: 'first' },
    { type: 'standby', by },
    { type: 'restore_snapshot', by, name: 'second', then: 'standby' },
    { type: 'stop', by },
  ] as const;
  for (const command of commands) {
    await host.supervisor.command(id, command, OPERATOR);
    await host.clock.advance(30 * SECOND);
  }
  return id;
}

/** Put away and woken by schedule, kept by schedule, and asleep for too long. */
export async function scheduled(host: SimulatedHost): Promise<string> {
  const max_asleep = { after_ms: 10 * MINUTE, then: 'stop' } as const;
  const id = await runningInstance(host, {
    auto_standby: { enabled: true, idle_timeout_ms: 5 * MINUTE, max_asleep },
    schedules: { standby: CRON, wake: CRON, snapshot: { ...CRON, keep: 1 } },
  });
  const minuteOf = () => Math.floor(host.clock.now() / MINUTE) * MINUTE;
  const due = async (schedule: 'standby' | 'wake' | 'snapshot'): Promise<void> => {
    host.supervisor.observe(id, { type: 'schedule.due', schedule, minute: minuteOf() });
    await host.clock.advance(MINUTE);
  };
  for (const schedule of ['snapshot', 'snapshot', 'standby'] as const) await due(schedule);
  await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
  await host.clock.advance(MINUTE);
  for (const schedule of ['standby', 'wake'] as const) await due(schedule);
  await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
  await host.clock.advance(20 * MINUTE);
  return id;
}

/** Refused once, then not done in time; a start takes it up from the same memory all the same. */
export async function notWoken(host: SimulatedHost): Promise<string> {
  const id = await runningInstance(host, { restart_policy: null });
  const send = async (type: 'standby' | 'restore' | 'start', thenMs: number): Promise<void> => {
    await host.supervisor.command(id, { type, by }, OPERATOR);
    await host.clock.advance(thenMs);
  };
  await send('standby', 30 * SECOND);
  await host.control.setFault(id, 'restore', 'fail', 1);
  await send('restore', 30 * SECOND);
  await host.control.setFault(id, 'restore', 'hang', 1);
  await send('restore', 2 * MINUTE);
  await send('start', MINUTE);
  return id;
}
