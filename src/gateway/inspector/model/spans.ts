import { spanWords } from '../../../projections/words/plain.ts';

/** Below this a countdown shows tenths: there one watches it. */
const TENTHS_BELOW_MS = 10_000;

/** How long until an instant: `in 3.2s`, `in 4m12s`; `now` when it has come. */
export function untilWords(due: number, now: number): string {
  const left = due - now;
  if (left <= 0) return 'now';
  return left < TENTHS_BELOW_MS
    ? `in ${(left / 1_000).toFixed(1)}s`
    : `in ${spanWords(Math.ceil(left / 1_000) * 1_000)}`;
}

/** Time of the day with milliseconds, in the time zone of whoever looks. */
export function timeOfDay(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const ms = String(date.getMilliseconds()).padStart(3, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}
