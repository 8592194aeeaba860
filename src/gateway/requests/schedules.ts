import { z } from 'zod';
import { SNAPSHOTS_MAX } from '../../../machines/policies.ts';
import { CRON_TEXT_MAX, CRON_WANTED, parseCron, TIME_ZONE_WANTED } from '../../actors/schedules/cron.ts';

/** When an instance is put to sleep, woken, and written down, by the calendar. */

const KEEP_DEFAULT = 3;
const TIME_ZONE_DEFAULT = 'UTC';

const text = (error: string) =>
  z
    .string({ error })
    .max(CRON_TEXT_MAX)
    .transform((given) => given.trim().replace(/\s+/g, ' '));

const calendar = {
  cron: text(CRON_WANTED),
  time_zone: text(TIME_ZONE_WANTED).default(TIME_ZONE_DEFAULT),
};

const known = ({ cron, time_zone }: { cron: string; time_zone: string }, context: z.RefinementCtx): void => {
  const parsed = parseCron(cron, time_zone);
  if (!parsed.ok) context.addIssue({ code: 'custom', message: parsed.message, path: [parsed.field] });
};

const times = z.strictObject(calendar).superRefine(known);
const snapshotTimes = z
  .strictObject({
    ...calendar,
    /** As many of those that were taken by the schedule are kept. */
    keep: z.int().min(1).max(SNAPSHOTS_MAX).default(KEEP_DEFAULT),
  })
  .superRefine(known);

export const schedulesFields = z.strictObject({
  standby: times.nullish(),
  wake: times.nullish(),
  snapshot: snapshotTimes.nullish(),
});

/** A part that is null is none; without any part there are no schedules. */
export const schedulesRequest = schedulesFields
  .transform(({ standby, wake, snapshot }) => {
    if (standby == null && wake == null && snapshot == null) return null;
    return {
      ...(standby == null ? {} : { standby }),
      ...(wake == null ? {} : { wake }),
      ...(snapshot == null ? {} : { snapshot }),
    };
  })
  .nullable();
