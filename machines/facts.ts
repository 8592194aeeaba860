import { z } from 'zod';
import { hookMomentSchema, scheduleNameSchema } from './definition.ts';
import { heldReasonSchema, hostModeSchema, purposeSchema, runEndSchema, wantedSchema } from './events.ts';

/** What the chart says it decided, in the past tense. Projections fold these and the record's state. */

const run = z.int().nonnegative();
const cause = z.string();

/** `timed_out` and `unknown`: it may have done its work, or not. `withdrawn`: it was cut short. */
export const hookOutcomeSchema = z.enum(['done', 'failed', 'unknown', 'timed_out', 'withdrawn']);
export type HookOutcome = z.infer<typeof hookOutcomeSchema>;

export const factSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('instance.created'), name: z.string(), wanted: wantedSchema }),
  z.object({ type: z.literal('instance.prepared') }),
  z.object({ type: z.literal('instance.prepare_failed'), message: z.string() }),
  z.object({ type: z.literal('instance.updated'), parts: z.array(z.string()) }),
  z.object({ type: z.literal('instance.boot_requested'), run, cause }),
  z.object({ type: z.literal('instance.booted'), run, pid: z.int().nullable() }),
  z.object({ type: z.literal('instance.ready'), run }),
  z.object({ type: z.literal('instance.stop_requested'), run, cause, force: z.boolean() }),
  z.object({ type: z.literal('instance.kill_requested'), run, cause }),
  z.object({ type: z.literal('instance.ended'), run, planned: z.boolean(), ...runEndSchema.shape }),
  z.object({ type: z.literal('instance.lost'), run, message: z.string() }),
  z.object({ type: z.literal('instance.found'), run }),
  z.object({ type: z.literal('instance.quarantined'), message: z.string() }),
  z.object({ type: z.literal('instance.remove_requested') }),
  z.object({ type: z.literal('instance.deleted') }),
  z.object({ type: z.literal('intent.changed'), wanted: wantedSchema, by: z.string() }),
  z.object({ type: z.literal('guest.rebooted'), run }),
  z.object({ type: z.literal('restart.scheduled'), attempt: z.int(), due: z.int(), cause }),
  z.object({ type: z.literal('restart.attempted'), attempt: z.int(), cause }),
  z.object({ type: z.literal('restart.blocked'), reason: z.enum(['manual_stop', 'max_attempts_exceeded']) }),
  z.object({ type: z.literal('restart.reset'), cause }),
  z.object({ type: z.literal('restart.gated'), attempt: z.int(), until: z.int() }),
  z.object({ type: z.literal('restart.cancelled'), attempt: z.int(), cause }),
  z.object({ type: z.literal('health.changed'), from: z.string(), to: z.string(), error: z.string().nullable() }),
  z.object({ type: z.literal('standby.countdown_started'), idle_since: z.int(), due: z.int() }),
  z.object({ type: z.literal('standby.countdown_cancelled'), cause }),
  z.object({ type: z.literal('standby.requested'), cause }),
  z.object({ type: z.literal('standby.abandoned'), cause }),
  z.object({ type: z.literal('standby.entered'), run, snapshot: z.string() }),
  z.object({ type: z.literal('standby.held'), until: z.int() }),
  z.object({ type: z.literal('standby.asleep_too_long'), then: z.enum(['stop', 'delete']) }),
  z.object({ type: z.literal('snapshot.created'), name: z.string() }),
  z.object({ type: z.literal('snapshot.failed'), name: z.string(), message: z.string() }),
  z.object({ type: z.literal('snapshot.deleted'), name: z.string() }),
  z.object({ type: z.literal('snapshot.restored'), name: z.string() }),
  z.object({ type: z.literal('guest.clock_set'), run, drift_ms: z.int().nullable() }),
  z.object({ type: z.literal('guest.clock_not_set'), run, message: z.string() }),
  z.object({ type: z.literal('schedule.skipped'), schedule: scheduleNameSchema, cause }),
  z.object({ type: z.literal('instance.restore_requested'), run, snapshot: z.string() }),
  z.object({ type: z.literal('instance.restored'), run }),
  /** The guest sleeps on with its memory. */
  z.object({
    type: z.literal('instance.restore_failed'),
    run,
    snapshot: z.string(),
    code: z.string(),
    message: z.string(),
  }),
  z.object({ type: z.literal('expiry.armed'), expires_at: z.int() }),
  z.object({ type: z.literal('host.mode_changed'), mode: hostModeSchema }),
  z.object({ type: z.literal('host.held'), run, purpose: purposeSchema, reason: heldReasonSchema, retry_at: z.int() }),
  z.object({
    type: z.literal('hook.ended'),
    run,
    hook: z.string(),
    moment: hookMomentSchema,
    outcome: hookOutcomeSchema,
    message: z.string(),
  }),
  z.object({ type: z.literal('expiry.due'), then: z.enum(['stop', 'delete']) }),
]);
export type Fact = z.infer<typeof factSchema>;
