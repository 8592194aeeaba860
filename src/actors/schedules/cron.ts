import { createTask, validateDetailed } from 'node-cron';

/**
 * Minutes of the calendar that somebody named by a cron expression. node-cron says which they are; when to ask is up to
 * our own clock, so none of its timers ever runs.
 */

/** Characters of an expression, and of the name of a time zone. */
export const CRON_TEXT_MAX = 128;

export const CRON_WANTED =
  'must be a cron expression of five fields (minute, hour, day of month, month, day of week) such as 0 22 * * 1-5';
export const TIME_ZONE_WANTED = 'must be an IANA time zone such as Europe/Berlin or UTC';

export interface Cron {
  /** Whether the minute in which this instant lies is one of those meant. `at`: epoch ms. */
  matches(at: number): boolean;
}

export type ParsedCron =
  | { readonly ok: true; readonly cron: Cron }
  /** `message` follows the name of the field. */
  | { readonly ok: false; readonly field: 'cron' | 'time_zone'; readonly message: string };

const MINUTE_MS = 60_000;
/** A longer number is none of any field, and the library would write out every range before it says so. */
const LONG_NUMBER = /\d{3}/;
/** Offsets such as +02:00 are none: they know nothing of summer. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/;

export function parseCron(expression: string, timeZone: string): ParsedCron {
  if (!isZone(timeZone)) return { ok: false, field: 'time_zone', message: TIME_ZONE_WANTED };
  const complaint = complaintAbout(expression);
  if (complaint !== null) return { ok: false, field: 'cron', message: complaint };
  // Destroyed at once: the task stays able to tell what it matches, and the library keeps no list of it.
  const task = createTask(expression, () => {}, { timezone: timeZone });
  void task.destroy();
  return {
    ok: true,
    cron: { matches: (at) => task.match(new Date(Math.floor(at / MINUTE_MS) * MINUTE_MS)) },
  };
}

function complaintAbout(expression: string): string | null {
  const fields = expression.trim().split(/\s+/);
  if (fields.length !== 5 || expression.length > CRON_TEXT_MAX || LONG_NUMBER.test(expression)) return CRON_WANTED;
  const { valid, errors } = validateDetailed(fields.join(' '));
  if (valid) return null;
  const wrong = errors[0]?.message.replace('is a invalid expression for', 'is not valid as');
  return wrong === undefined ? CRON_WANTED : `${CRON_WANTED}; ${wrong}`;
}

function isZone(timeZone: string): boolean {
  if (timeZone.length > CRON_TEXT_MAX || !ZONE_NAME.test(timeZone)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
