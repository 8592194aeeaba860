import { z } from 'zod';

/** What passes between a simulated world and those who read its table of connections. */

/** Entries and events in one answer at most. */
export const TABLE_PAGE_MAX = 1_000;
/** Longest delay of a dump, in ms: a day. */
const DELAY_MAX_MS = 24 * 3_600_000;
const TEXT_MAX_CHARS = 256;
const FORGOTTEN_MAX = 64;

const text = z.string().min(1).max(TEXT_MAX_CHARS);

/** One entry: who talks to which guest. `to`: an address, or the id of an instance that is reached under none. */
export const tableEntrySchema = z.object({
  number: z.int(),
  protocol: z.enum(['tcp', 'udp']),
  client: z.string(),
  client_port: z.int(),
  to: z.string(),
  port: z.int(),
  /** The kernel's number of a TCP state; null for UDP, and where nobody knows it. */
  state: z.int().nullable(),
});
export type WorldEntry = z.infer<typeof tableEntrySchema>;

/** `garbage`: a message that means nothing. `observer`: what is known of this instance alone is lost, or known again. */
export const tableEventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.enum(['new', 'update', 'destroy']), at: z.number(), entry: tableEntrySchema }),
  z.object({ event: z.literal('garbage'), at: z.number() }),
  z.object({ event: z.literal('observer'), at: z.number(), instance: text, observer: z.enum(['in_order', 'lost']) }),
]);
export type WorldTableEvent = z.infer<typeof tableEventSchema>;

/**
 * What becomes of events. `told`: they arrive. `lost`: they vanish and nobody is told. `overrun`: they vanish, and
 * whoever reads next is told so. `garbage`: a message that means nothing arrives instead.
 */
export const eventsFateSchema = z.enum(['told', 'lost', 'overrun', 'garbage']);
export type EventsFate = z.infer<typeof eventsFateSchema>;

/** What becomes of dumps. A slow one tells what was so when it began. */
export const dumpsFateSchema = z.union([
  z.enum(['ok', 'fail', 'hang']),
  z.strictObject({ slow: z.number().min(0).max(DELAY_MAX_MS) }),
]);
export type DumpsFate = z.infer<typeof dumpsFateSchema>;

export const tableRequestSchemas = [
  /** `times`: the next so many; null: from now on. */
  z.strictObject({
    op: z.literal('table'),
    events: eventsFateSchema.optional(),
    dumps: dumpsFateSchema.optional(),
    times: z.int().min(1).nullable(),
  }),
  /** `after`: the number of the last event that was read; null: none, only those that come. */
  z.strictObject({ op: z.literal('table_events'), after: z.int().nullable() }),
  /** `after`: the number of the last entry of the page before; null: a new dump begins. */
  z.strictObject({ op: z.literal('dump'), after: z.int().nullable() }),
  z.strictObject({ op: z.literal('forget'), to: z.array(text).max(FORGOTTEN_MAX) }),
] as const;

export const tableAnswerSchemas = [
  z.object({
    answer: z.literal('table_events'),
    events: z.array(tableEventSchema),
    /** The number of the last event there is, or of the last in this answer when there are more. */
    last: z.int(),
    overrun: z.boolean(),
  }),
  z.object({
    answer: z.literal('dump'),
    entries: z.array(tableEntrySchema),
    more: z.boolean(),
    /** The answer is given only after so long, ms. Infinity has no form on a wire: null is never. */
    delay_ms: z.number().nullable(),
    /** Instances of which nothing is known. */
    blind: z.array(z.string()),
  }),
] as const;
