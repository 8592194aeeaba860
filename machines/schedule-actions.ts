import type { ScheduleName } from './definition.ts';
import type { LeftOut } from './events.ts';
import { all } from './guards.ts';
import { automationAllowed, heldBackBy } from './rules.ts';
import { chart, type Moment } from './setup.ts';
import { roomForScheduled } from './snapshot-actions.ts';

/** Minutes that a schedule names: each is heard once, and what comes of none is said. */

/** A snapshot whose turn has not come so long after its minute is not taken any more: the next minute may be near. */
export const SNAPSHOT_LATE_MS = 900_000;

const minuteOf = (event: Moment['event']): number | null => (event.type === 'schedule.due' ? event.minute : null);

/** A minute of this schedule that was not heard before, nor is older than one that was. */
const isNew =
  (...schedules: ScheduleName[]) =>
  ({ context, event }: Moment): boolean => {
    if (event.type !== 'schedule.due' || !schedules.includes(event.schedule)) return false;
    const given = context.definition?.schedules?.[event.schedule] !== undefined;
    return given && event.minute > (context.schedules[event.schedule] ?? -1);
  };

const leftOut = ({ event }: Moment): LeftOut | undefined =>
  event.type === 'schedule.due' ? event.left_out : undefined;

/** The same, and something may come of it. */
export const dueNow = (...schedules: ScheduleName[]) =>
  all(isNew(...schedules), (moment) => leftOut(moment) === undefined);

export const noteMinute = chart.assign(({ context, event }) =>
  event.type === 'schedule.due' ? { schedules: { ...context.schedules, [event.schedule]: minuteOf(event) } } : {},
);

export const inTime = ({ event }: Moment): boolean =>
  event.type === 'schedule.due' && event.at - event.minute < SNAPSHOT_LATE_MS;

const LEFT_OUT: Readonly<Record<LeftOut, string>> = { missed: 'missed', disk: 'no room on disk' };

function causeOf({ context, event }: Moment): string {
  const reason = leftOut({ context, event });
  if (reason !== undefined) return LEFT_OUT[reason];
  if (!automationAllowed(context)) return heldBackBy(context);
  if (event.type !== 'schedule.due') return '';
  switch (event.schedule) {
    case 'wake':
      return context.intent.wanted === 'running' ? 'state' : 'not wanted';
    case 'snapshot':
      if (!inTime({ context, event })) return 'no turn';
      return roomForScheduled({ context, event }) ? 'state' : 'snapshot limit';
    default:
      return 'not running';
  }
}

const saySkipped = chart.emit(({ context, event }) => ({
  type: 'schedule.skipped' as const,
  schedule: event.type === 'schedule.due' ? event.schedule : ('standby' as const),
  cause: causeOf({ context, event }),
}));

/**
 * Nothing comes of the minute for which it was to be put to sleep: told once, whatever ended that. Whoever sleeps, or is past
 * the point of no return, has had its minute.
 */
export const giveUpMinute = (cause: string) =>
  chart.enqueueActions(({ context: { standby, stop }, enqueue }) => {
    if (standby.request !== 'schedule' || standby.asleep_since !== null || stop?.cause === 'standby') return;
    enqueue.emit({ type: 'schedule.skipped', schedule: 'standby', cause });
    enqueue.assign({ standby: { ...standby, request: null } });
  });

/** The definition names no such schedule any more, so that nothing that it has begun goes on. */
export const unscheduled =
  (schedule: ScheduleName) =>
  ({ context, event }: Moment): boolean =>
    event.type === 'definition.changed' &&
    event.parts.includes('schedules') &&
    context.definition?.schedules?.[schedule] === undefined;

/** Where nothing else comes of a minute. */
export const skipped = (...schedules: ScheduleName[]) => ({
  guard: isNew(...schedules),
  actions: [noteMinute, saySkipped],
});
