import { parseCron } from './cron.ts';
import type { GivenSchedule } from './schedule-minutes.ts';

/** The next minute (epoch ms) of each schedule after `now`; one that names none soon enough to be found is left out. */
export function nextMinutes(
  schedules: Readonly<Record<string, GivenSchedule | undefined>>,
  now: number,
): Readonly<Record<string, number>> {
  const next: Record<string, number> = {};
  for (const [name, given] of Object.entries(schedules)) {
    const parsed = given === undefined ? null : parseCron(given.cron, given.time_zone);
    const minute = parsed?.ok === true ? parsed.cron.nextMatch(now) : null;
    if (minute !== null) next[name] = minute;
  }
  return next;
}
