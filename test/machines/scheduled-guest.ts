import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type DrivenHost, type Driver, done, drive, exited } from './driver.ts';
import { leafOf } from './exploration.ts';

/** A guest with a schedule of each kind, and what its minutes and its sleep are sent and tell as. */

export const by = 'ann';
export const MINUTE = 60_000;
export const CRON = { cron: '0 * * * *', time_zone: 'UTC' };
export const SCHEDULES = { standby: CRON, wake: CRON, snapshot: { ...CRON, keep: 2 } };
export const leaf = (driver: Driver): string => leafOf(driver.snapshot());
export const due = (schedule: 'standby' | 'wake' | 'snapshot', minute: number) =>
  ({ type: 'schedule.due', schedule, minute: START + minute * MINUTE }) as const;
export const causes = (driver: Driver): string[] =>
  driver.facts('schedule.skipped').map((fact) => (fact as { cause: string }).cause);

export function running(parts: Parameters<typeof definition>[0] = {}, host: DrivenHost = 'generous'): Driver {
  const driver = drive(definition({ auto_standby: SLEEPY, schedules: SCHEDULES, ...parts }), 'running', 0, host);
  bootUp(driver, 0);
  return driver;
}

export function asleep(parts: Parameters<typeof definition>[0] = {}, host: DrivenHost = 'generous'): Driver {
  const driver = running(parts, host);
  driver.send(1_000, { type: 'standby', by });
  for (const event of [done('vmm.pause', 1), done('vmm.snapshot', 1), exited(1, null)]) driver.send(1_000, event);
  return driver;
}
