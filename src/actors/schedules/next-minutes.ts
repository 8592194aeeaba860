import { parseCron } from './cron.ts';
import type { GivenSchedule } from './schedule-minutes.ts';

/** Different schedules whose next minute is kept: it is asked for at every look, and a rare one takes long to find. */
const KEPT_MAX = 1_024;

/** How long it is taken for granted that none was found. */
const NONE_KEPT_MS = 3_600_000;

interface Found {
  readonly from: number;
  readonly next: number | null;
}

const found = new Map<string, Found>();

/** The next minute (epoch ms) of each schedule after `now`; one that names none soon enough to be found is left out. */
export function nextMinutes(
  schedules: Readonly<Record<string, GivenSchedule | undefined>>,
  now: number,
): Readonly<Record<string, number>> {
  const next: Record<string, number> = {};
  for (const [name, given] of Object.entries(schedules)) {
    const minute = given === undefined ? null : nextOf(given, now);
    if (minute !== null) next[name] = minute;
  }
  return next;
}

function nextOf({ cron, time_zone }: GivenSchedule, now: number): number | null {
  const key = `${cron}\n${time_zone}`;
  const kept = found.get(key);
  if (kept !== undefined && now >= kept.from && now < (kept.next ?? kept.from + NONE_KEPT_MS)) return kept.next;
  const parsed = parseCron(cron, time_zone);
  const next = parsed.ok ? parsed.cron.nextMatch(now) : null;
  if (found.size >= KEPT_MAX) found.clear();
  found.set(key, { from: now, next });
  return next;
}
