import { createTask, type ParsedFields, validateDetailed } from 'node-cron';

/**
 * Cron expressions, asked about minutes of our clock. What the text means, and which days it names, is node-cron's; which
 * local minute an instant is, is the platform's. The hours in which a zone changes its offset are kept as cron(8) keeps
 * them: see `Cron`.
 */

export const MINUTE_MS = 60_000;
/** Every change of an offset falls on a quarter of an hour. */
const QUARTER_MS = 15 * MINUTE_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** How far ahead the next match is looked for: past the next 29 February. */
export const NEXT_MATCH_WITHIN_DAYS = 1_500;

/** Characters of an expression, and of the name of a time zone. */
export const CRON_TEXT_MAX = 128;

export const CRON_WANTED =
  'must be a cron expression of five fields (minute, hour, day of month, month, day of week) such as 0 22 * * 1-5';
export const TIME_ZONE_WANTED = 'must be an IANA time zone such as Europe/Berlin or UTC';

/** A longer number is none of any field, and the library would write out every range before it says so. */
const LONG_NUMBER = /\d{3}/;
/** Offsets such as +02:00 are none: they know nothing of summer. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+/-]*$/;

/**
 * An hour field that begins with `*` goes by the hours that pass: in a doubled hour it comes in both, in a skipped one
 * not at all. Any other names minutes of the wall: a doubled one comes once, the first time, and what was skipped comes
 * in the first minute after the gap.
 */
export interface Cron {
  /** Whether the minute in which this instant lies is one of those meant. `at`: epoch ms. */
  matches(at: number): boolean;
  /** The latest matching minute of `from` ≤ minute ≤ `to`. */
  latestMatch(from: number, to: number): number | null;
  /** The first matching minute that begins after this instant, if one does within `NEXT_MATCH_WITHIN_DAYS`. */
  nextMatch(after: number): number | null;
}

export type ParsedCron =
  | { readonly ok: true; readonly cron: Cron }
  /** `message` follows the name of the field. */
  | { readonly ok: false; readonly field: 'cron' | 'time_zone'; readonly message: string };

export function parseCron(expression: string, timeZone: string): ParsedCron {
  if (!isZone(timeZone)) return { ok: false, field: 'time_zone', message: TIME_ZONE_WANTED };
  const text = expression.trim().replaceAll(/\s+/g, ' ');
  if (text.split(' ').length !== 5 || expression.length > CRON_TEXT_MAX || LONG_NUMBER.test(text)) {
    return { ok: false, field: 'cron', message: CRON_WANTED };
  }
  const { fields, errors } = validateDetailed(text);
  if (fields !== undefined) return { ok: true, cron: cronOf(text, timeZone, fields) };
  const wrong = errors[0]?.message.replace('is a invalid expression for', 'is not valid as');
  return { ok: false, field: 'cron', message: wrong === undefined ? CRON_WANTED : `${CRON_WANTED}; ${wrong}` };
}

function isZone(timeZone: string): boolean {
  if (timeZone.length > CRON_TEXT_MAX || !ZONE_NAME.test(timeZone)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

function cronOf(expression: string, timeZone: string, fields: ParsedFields): Cron {
  const wall = wallMatcher(expression, fields);
  const wallAt = (minute: number): Temporal.ZonedDateTime =>
    Temporal.Instant.fromEpochMilliseconds(minute).toZonedDateTimeISO(timeZone);

  const matches = (at: number): boolean => {
    const minute = startOfMinute(at);
    const time = wallAt(minute);
    if (wall.goesByHours) return wall.matches(time);
    if (isSecondTime(time)) return false;
    return wall.matches(time) || skippedBefore(time, wallAt(minute - MINUTE_MS)).some(wall.matches);
  };

  /** Where to look next: no matching minute lies between, and the first minutes after gaps are not passed over. */
  const following = (minute: number): number => {
    const time = wallAt(minute);
    const startOf = (day: Temporal.PlainDate): number => day.toZonedDateTime(timeZone).epochMilliseconds;
    if (!wall.matchesMonth(time)) return startOf(time.toPlainDate().with({ day: 1 }).add({ months: 1 }));
    if (!wall.matchesDay(time)) return startOf(time.toPlainDate().add({ days: 1 }));
    if (!wall.matchesHour(time)) return minute + QUARTER_MS - (minute % QUARTER_MS);
    return minute + MINUTE_MS;
  };

  /** The same backwards: the first minute of what is passed over may follow a gap, so it is looked at. */
  const preceding = (minute: number): number => {
    const time = wallAt(minute);
    const toStart = (start: number): number => (start < minute ? start : minute - MINUTE_MS);
    const day = time.toPlainDate();
    if (!wall.matchesMonth(time)) return toStart(day.with({ day: 1 }).toZonedDateTime(timeZone).epochMilliseconds);
    if (!wall.matchesDay(time)) return toStart(day.toZonedDateTime(timeZone).epochMilliseconds);
    if (!wall.matchesHour(time)) return toStart(minute - (minute % QUARTER_MS));
    return minute - MINUTE_MS;
  };

  return {
    matches,
    latestMatch: (from, to) => {
      for (let minute = startOfMinute(to); minute >= from; minute = preceding(minute)) {
        if (matches(minute)) return minute;
      }
      return null;
    },
    nextMatch: (after) => {
      const end = after + NEXT_MATCH_WITHIN_DAYS * DAY_MS;
      for (let minute = startOfMinute(after) + MINUTE_MS; minute <= end; minute = following(minute)) {
        if (matches(minute)) return minute;
      }
      return null;
    },
  };
}

export function startOfMinute(instant: number): number {
  return Math.floor(instant / MINUTE_MS) * MINUTE_MS;
}

type Wall = Temporal.PlainDateTime | Temporal.ZonedDateTime;

interface WallMatcher {
  readonly goesByHours: boolean;
  matches(time: Wall): boolean;
  matchesMonth(time: Wall): boolean;
  matchesDay(time: Wall): boolean;
  matchesHour(time: Wall): boolean;
}

function wallMatcher(expression: string, fields: ParsedFields): WallMatcher {
  const minutes = new Set(fields.minute);
  const hours = new Set(fields.hour);
  const months = new Set(fields.month);
  /** Null where days are named by what they are, as the last of the month. */
  const monthDays = fields.dayOfMonth.every((day) => typeof day === 'number') ? new Set(fields.dayOfMonth) : null;
  const days = createTask(expression, () => undefined, { timezone: 'UTC' });
  // Every task that is made is kept by the library until it is destroyed; what it matches stays.
  void days.destroy();
  const [hour, minute] = [fields.hour[0]!, fields.minute[0]!];
  let asked = Number.NaN;
  let answer = false;
  const matchesMonth = (time: Wall): boolean => months.has(time.month);
  const matchesDay = (time: Wall): boolean => {
    // The library is asked last: it takes longer than all the rest.
    if (!matchesMonth(time) || monthDays?.has(time.day) === false) return false;
    const day = Date.UTC(time.year, time.month - 1, time.day, hour, minute);
    if (day !== asked) [asked, answer] = [day, days.match(new Date(day))];
    return answer;
  };
  const matchesHour = (time: Wall): boolean => hours.has(time.hour);
  return {
    goesByHours: expression.split(' ')[1]?.startsWith('*') === true,
    matchesMonth,
    matchesDay,
    matchesHour,
    matches: (time) => minutes.has(time.minute) && matchesHour(time) && matchesDay(time),
  };
}

/** The clocks were set back, and showed this minute once before. */
function isSecondTime(time: Temporal.ZonedDateTime): boolean {
  const first = time.toPlainDateTime().toZonedDateTime(time.timeZoneId, { disambiguation: 'earlier' });
  return first.epochMilliseconds !== time.epochMilliseconds;
}

/** The minutes that no clock showed because it was set forward right before this one. */
function skippedBefore(time: Temporal.ZonedDateTime, minuteBefore: Temporal.ZonedDateTime): Temporal.PlainDateTime[] {
  if (time.offsetNanoseconds <= minuteBefore.offsetNanoseconds) return [];
  const skipped: Temporal.PlainDateTime[] = [];
  const end = time.toPlainDateTime();
  let wall = minuteBefore.toPlainDateTime().add({ minutes: 1 });
  for (; Temporal.PlainDateTime.compare(wall, end) < 0; wall = wall.add({ minutes: 1 })) skipped.push(wall);
  return skipped;
}
