import { z } from 'zod';
import { recordedContextSchema } from './context.ts';
import { definitionSchema } from './definition.ts';
import { effectSchema } from './effects.ts';
import {
  commandSchema,
  effectResultSchema,
  observationSchema,
  timerEventSchema,
  upgradeEventSchema,
} from './events.ts';
import { factSchema } from './facts.ts';
import type { ChartSnapshot } from './step.ts';

/**
 * One line of the log: one transition of one instance. Its last record is an instance's whole snapshot: state, pending
 * timers, and where to find the definition. docs/decisions/0002 says why it has this form.
 */

const version = z.int().positive();
const at = z.int().nonnegative();
const timerName = z.templateLiteral(['timer.', z.string()]);

const timerArmedSchema = z.object({
  /** `timer.<delay name>`. */
  name: timerName,
  /** Epoch ms. */
  due: at,
});
export type TimerName = z.infer<typeof timerName>;
export type TimerArmed = Readonly<z.infer<typeof timerArmedSchema>>;

const pendingTimerSchema = timerArmedSchema.extend({
  /** Version of the record that armed it. */
  armed: version,
});
export type PendingTimer = Readonly<z.infer<typeof pendingTimerSchema>>;

/** Who or what set this off, and through which door. */
export const causeSchema = z.object({
  /** A user's or token's name, or `system`. */
  actor: z.string(),
  via: z.enum(['http', 'nats', 'cli', 'simulate', 'system']),
  /** The client's id of the command and the digest of its payload; null for everything that is not a command. */
  command: z.object({ id: z.string(), digest: z.string() }).readonly().nullable(),
  /** What belongs to one request from outside. */
  correlation: z.string().nullable(),
  /** Effect id or record id this follows from. */
  causation: z.string().nullable(),
  /** W3C `traceparent`. */
  trace: z.string().nullable(),
});
export type Cause = Readonly<z.infer<typeof causeSchema>>;

export const recordSchema = z
  .strictObject({
    id: z.string(),
    stream: z.string(),
    version,
    /** Epoch ms; never before the stream's last `at`. */
    at,
    event: z.union([commandSchema, observationSchema, effectResultSchema, timerEventSchema, upgradeEventSchema]),
    facts: z.array(factSchema).readonly(),
    /** The n-th (from 0) has the effect id `<stream>/<version>/<n>`. */
    effects: z.array(effectSchema).readonly(),
    timers: z
      .object({ armed: z.array(timerArmedSchema.readonly()).readonly(), cancelled: z.array(timerName).readonly() })
      .readonly(),
    state: z
      .object({
        /** The chart's configuration, region by region, as XState writes it. */
        value: z.custom<ChartSnapshot['value']>((value) => typeof value === 'object' && value !== null),
        context: recordedContextSchema,
        timers: z.array(pendingTimerSchema.readonly()).readonly(),
      })
      .readonly(),
    /** Present in the records that change it; the others name the version of the one that did. */
    definition: definitionSchema.optional(),
    definition_at: version,
    chart: z.object({ version, digest: z.string() }).readonly(),
    cause: causeSchema.readonly(),
  })
  .readonly();
export type InstanceRecord = z.infer<typeof recordSchema>;

export const SYSTEM_CAUSE: Cause = {
  actor: 'system',
  via: 'system',
  command: null,
  correlation: null,
  causation: null,
  trace: null,
};

export function effectId(record: Pick<InstanceRecord, 'stream' | 'version'>, index: number): string {
  return `${record.stream}/${record.version}/${index}`;
}
