import { z } from 'zod';
import { parseDuration } from '../../../machines/duration.ts';
import { causeSchema } from '../../../machines/record.ts';
import { recordType } from './record-types.ts';
import { parseInstant } from './scalars.ts';
import { count, flag, idField, min_position } from './target.ts';

/** Requests about what happened: the history of one instance, the feed of all records, the logs of runs. */

export const HISTORY_LIMIT_DEFAULT = 100;
/** A record is about 2 KiB, and a NATS message holds 1 MiB. */
export const HISTORY_LIMIT_MAX = 200;
export const EVENTS_LIMIT_DEFAULT = 100;
export const EVENTS_LIMIT_MAX = 200;
export const LOG_TAIL_DEFAULT = 100;
export const LOG_TAIL_MAX = 10_000;
/** Bytes of a log in one answer. */
export const LOG_ANSWER_BYTES_MAX = 262_144;

const TEXT_MAX = 128;
const CURSOR_MAX = 64;
const MOMENT_WANTED = 'must be a time such as 2026-01-01T12:00:00Z, or how long ago such as 2h';

/** A point in time: absolute, or so long before now. */
export type Moment = { readonly at: number } | { readonly ago: number };

const moment = z
  .string({ error: MOMENT_WANTED })
  .max(TEXT_MAX)
  .transform((text, context): Moment => {
    const at = parseInstant(text);
    if (at !== null) return { at };
    const ago = parseDuration(text.trim().replace(/ ago$/, ''));
    if (ago !== null && ago >= 0) return { ago };
    context.addIssue({ code: 'custom', message: MOMENT_WANTED });
    return z.NEVER;
  });

export function momentAt(given: Moment | undefined, now: number): number | undefined {
  if (given === undefined) return undefined;
  return 'at' in given ? given.at : now - given.ago;
}

const runNumber = z.coerce.number().pipe(z.int().min(0));

export const historyRequest = z.strictObject({
  id: idField,
  /** `oldest`: from the first record on. `newest`: from the last one back. */
  order: z.enum(['oldest', 'newest']).default('oldest'),
  /** Version of the first record looked at. */
  from: z.coerce.number().pipe(z.int().min(1)).optional(),
  limit: count(HISTORY_LIMIT_DEFAULT, HISTORY_LIMIT_MAX),
  since: moment.optional(),
  until: moment.optional(),
  type: recordType.optional(),
  actor: z.string().min(1).max(TEXT_MAX).optional(),
  via: causeSchema.shape.via.optional(),
  run: runNumber.optional(),
  min_position,
});

const cursor = z.string().min(1).max(CURSOR_MAX);

const feedFields = {
  /** Position of the last record seen, or `beginning`. */
  after: cursor.optional(),
  /** Id or name of the only instance wanted. */
  instance: idField.optional(),
  type: recordType.optional(),
};

export const eventsRequest = z.strictObject({
  ...feedFields,
  limit: count(EVENTS_LIMIT_DEFAULT, EVENTS_LIMIT_MAX),
});
export const followEventsRequest = z.strictObject(feedFields);

export const LOG_SOURCES = ['console', 'vmm', 'operations'] as const;
export type LogSource = (typeof LOG_SOURCES)[number];

const logFields = {
  id: idField,
  source: z.enum(LOG_SOURCES).default('console'),
  /** Lines from the end. */
  tail: z.coerce.number().pipe(z.int().min(0).max(LOG_TAIL_MAX)).default(LOG_TAIL_DEFAULT),
  /** The newest run when absent. */
  run: runNumber.optional(),
};

export const logsRequest = z.strictObject({
  ...logFields,
  /** The `next` of the answer before: what came since then, and no tail. Names the log it belongs to, so `run` is needed. */
  after: z
    .string()
    .regex(/^\d{1,16}(\.\d{1,16})?$/, 'must be the next of an answer before')
    .optional(),
});
export const followLogsRequest = z.strictObject({
  ...logFields,
  follow: flag.default(true),
  /** Where a reader was: the id of the last message it got, `RUN:NEXT`. */
  resume: z
    .string()
    .regex(/^\d{1,9}:\d{1,16}(\.\d{1,16})?$/, 'must be the id of a message of this stream')
    .transform((text) => {
      const [run = '', after = ''] = text.split(':');
      return { run: Number(run), after };
    })
    .optional(),
});
