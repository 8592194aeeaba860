import { z } from 'zod';
import { hookMomentSchema, NAME_PATTERN } from './definition.ts';
import { purposeSchema } from './events.ts';

/**
 * What the chart asks of the world: plain data. One-shot effects run one at a time per instance, in record order, and
 * each ends in exactly one result event; `vmm.inspect` ends in `vmm.found`. `effect.withdraw` is not run: it
 * tells the interpreter that every earlier effect of that run (0: of the instance itself) which has not ended yet is
 * no longer wanted.
 */

const run = z.int().positive();
const snapshot = z.string().min(1);

export const effectSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('instance.prepare'), run: z.literal(0) }),
  z.object({ kind: z.literal('instance.remove'), run: z.int().nonnegative() }),
  z.object({ kind: z.literal('vmm.boot'), run }),
  z.object({ kind: z.literal('vmm.restore'), run, snapshot }),
  z.object({ kind: z.literal('vmm.pause'), run }),
  z.object({ kind: z.literal('vmm.resume'), run }),
  z.object({ kind: z.literal('vmm.snapshot'), run, snapshot }),
  z.object({ kind: z.literal('vmm.shutdown'), run }),
  z.object({ kind: z.literal('vmm.kill'), run }),
  z.object({ kind: z.literal('vmm.inspect'), run }),
  z.object({ kind: z.literal('snapshot.drop'), run: z.int().nonnegative(), snapshot }),
  /** Copies a snapshot of this instance: a sleeping guest's under a name of its own, or a named one back. */
  z.object({ kind: z.literal('snapshot.copy'), run: z.int().nonnegative(), snapshot, as: snapshot }),
  /** Takes a copy of another instance's snapshot. */
  z.object({ kind: z.literal('snapshot.fork'), run: z.literal(0), source: z.string().min(1), snapshot, as: snapshot }),
  /** Sets the guest's clock; whether its agent answers is also how a restored guest shows that it lives. */
  z.object({ kind: z.literal('guest.set_clock'), run }),
  z.object({ kind: z.literal('traffic.confirm'), run }),
  z.object({ kind: z.literal('host.admit'), run: z.int().nonnegative(), purpose: purposeSchema }),
  z.object({
    kind: z.literal('hook.run'),
    run,
    number: z.int().positive(),
    hook: z.string().regex(NAME_PATTERN),
    moment: hookMomentSchema,
  }),
  z.object({ kind: z.literal('effect.withdraw'), run: z.int().nonnegative() }),
]);
/** The name of the snapshot with which a run goes to standby: it takes the memory of the run, which ends with it. */
export const standbySnapshot = (runNumber: number): string => `run-${runNumber}`;

/** What a fork sleeps in before its first run. */
export const FORKED_SNAPSHOT = standbySnapshot(0);

/** Whether a guest sleeps, or is to sleep, in the snapshot of that name: no other's may begin so. */
export const isSleepersSnapshot = (name: string): boolean => name.startsWith('run-');

export type Effect = z.infer<typeof effectSchema>;
export type EffectKind = Effect['kind'];
export type OneShotKind = Exclude<EffectKind, 'effect.withdraw'>;
