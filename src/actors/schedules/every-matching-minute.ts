import type { CancelTimer, Clock } from '../contracts/clock.ts';
import { MINUTE_MS, parseCron, startOfMinute } from './cron.ts';

/**
 * Calls back in each minute (UTC) that the cron expression names, by our clock. A minute that passed while the machine slept
 * is not made up for. Throws on an expression that is none.
 */
export function everyMatchingMinute(expression: string, clock: Clock, callback: () => void): CancelTimer {
  const parsed = parseCron(expression, 'UTC');
  if (!parsed.ok) throw new Error(`The expression ${parsed.message}.`);
  const { cron } = parsed;
  let lastMinute = Number.NaN;
  return everyMinute(clock, (minute) => {
    // A wall clock that was set back shows a minute twice.
    if (minute === lastMinute) return;
    lastMinute = minute;
    if (cron.matches(minute)) callback();
  });
}

/** Calls back soon after the beginning of each minute; again for the same one when the wall clock is set back. */
export function everyMinute(clock: Clock, look: (minute: number) => void): CancelTimer {
  let cancel: CancelTimer = () => undefined;
  const arm = (): void => {
    cancel = clock.after(MINUTE_MS - (clock.now() % MINUTE_MS), () => {
      arm();
      look(startOfMinute(clock.now()));
    });
  };
  arm();
  return () => cancel();
}
