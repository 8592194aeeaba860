import { createTask } from 'node-cron';
import type { CancelTimer, Clock } from './contracts/clock.ts';

const MINUTE_MS = 60_000;

/**
 * Calls back in each minute (UTC) that the cron expression names, by our clock: node-cron only says whether a minute
 * matches. A minute that passed while the machine slept is not made up for. Throws on an expression that is none.
 */
export function everyMatchingMinute(expression: string, clock: Clock, callback: () => void): CancelTimer {
  const task = createTask(expression, () => undefined, { timezone: 'UTC' });
  let cancel: CancelTimer = () => undefined;
  let lastMinute = Number.NaN;
  const arm = (): void => {
    cancel = clock.after(MINUTE_MS - (clock.now() % MINUTE_MS), look);
  };
  const look = (): void => {
    arm();
    const minute = Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS;
    // A wall clock that was set back shows a minute twice.
    if (minute === lastMinute) return;
    lastMinute = minute;
    if (task.match(new Date(minute))) callback();
  };
  arm();
  return () => cancel();
}
