import type { ChartContext, NamedSnapshot } from './context.ts';
import type { Effect } from './effects.ts';
import { SNAPSHOTS_MAX } from './policies.ts';
import { type ChartEvent, chart, type Moment } from './setup.ts';

/** Named snapshots: how one is made, kept, deleted and brought back, and which of those that a schedule takes stay. */

const SCHEDULED_PREFIX = 'scheduled-';
export const BY_SCHEDULE = 'schedule';

const UTC_MINUTE = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'UTC',
  calendar: 'gregory',
  numberingSystem: 'latn',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** `scheduled-20261126-1800`: the minute, in UTC, for which the schedule asked. */
export function scheduledName(minute: number): string {
  const parts = Object.fromEntries(UTC_MINUTE.formatToParts(minute).map(({ type, value }) => [type, value]));
  return `${SCHEDULED_PREFIX}${parts.year}${parts.month}${parts.day}-${parts.hour}${parts.minute}`;
}

const isScheduled = ({ name }: NamedSnapshot): boolean => name.startsWith(SCHEDULED_PREFIX);

/** Of those that the schedule took, the oldest ones that no longer stay once there is one more. */
function surplus({ snapshots, definition }: ChartContext, more: number): readonly NamedSnapshot[] {
  const keep = definition?.schedules?.snapshot?.keep ?? SNAPSHOTS_MAX;
  const scheduled = snapshots.filter(isScheduled);
  return scheduled.slice(0, Math.max(0, scheduled.length + more - keep));
}

const named = (context: ChartContext, event: ChartEvent): NamedSnapshot | undefined =>
  'name' in event ? context.snapshots.find(({ name }) => name === event.name) : undefined;

export const knowsSnapshot = ({ context, event }: Moment): boolean => named(context, event) !== undefined;

/** There is room for one more, and none of this name. */
export const mayCreateSnapshot = (moment: Moment): boolean =>
  moment.event.type === 'create_snapshot' && !knowsSnapshot(moment) && moment.context.snapshots.length < SNAPSHOTS_MAX;

export const roomForScheduled = ({ context }: Moment): boolean =>
  context.snapshots.length + 1 - surplus(context, 1).length <= SNAPSHOTS_MAX;

export const beginCapture = chart.assign(({ event }) => {
  if (event.type === 'create_snapshot') return { snapshot_work: { name: event.name, by: event.by, then: null } };
  if (event.type !== 'schedule.due') return {};
  return { snapshot_work: { name: scheduledName(event.minute), by: BY_SCHEDULE, then: null } };
});

/** Of the guest that runs. */
export const askCapture = {
  type: 'ask' as const,
  params: ({ context }: { context: ChartContext }): Effect => ({
    kind: 'vmm.snapshot',
    run: context.run.number,
    snapshot: context.snapshot_work?.name ?? '',
  }),
};

/** Of the guest that sleeps. */
export const askCopy = {
  type: 'ask' as const,
  params: ({ context }: { context: ChartContext }): Effect => ({
    kind: 'snapshot.copy',
    run: context.run.number,
    snapshot: context.snapshot?.name ?? '',
    as: context.snapshot_work?.name ?? '',
  }),
};

/** A named snapshot is no run's business, so nothing that is withdrawn about a run keeps it. */
const dropNamed = (name: string): { type: 'ask'; params: Effect } => ({
  type: 'ask',
  params: { kind: 'snapshot.drop', run: 0, snapshot: name },
});

const isDone = (event: ChartEvent): boolean =>
  event.type === 'effect.done' && (event.kind === 'vmm.snapshot' || event.kind === 'snapshot.copy');

function failureIn(event: ChartEvent): string {
  switch (event.type) {
    case 'effect.failed':
    case 'effect.unknown':
      return event.error.message;
    case 'vmm.found':
      return event.found.reality === 'ended' ? 'the run ended' : 'the daemon ended meanwhile';
    case 'vmm.exited':
      return 'the run ended';
    default:
      return event.type.startsWith('xstate.after.') ? 'it took too long' : `given up (${event.type})`;
  }
}

/**
 * The end of making a named snapshot, whatever ended it. What may lie there half-written is dropped, and so are those of
 * the schedule that do not stay.
 */
export const endCapture = chart.enqueueActions(({ context, event, enqueue }) => {
  const { name = '', by = '' } = context.snapshot_work ?? {};
  if (!isDone(event)) {
    enqueue.emit({ type: 'snapshot.failed', name, message: failureIn(event) });
    if (!('effect' in event)) enqueue({ type: 'ask', params: { kind: 'effect.withdraw', run: context.run.number } });
    enqueue(dropNamed(name));
    enqueue.assign({ snapshot_work: null });
    return;
  }
  const made: NamedSnapshot = { name, run: context.run.number, taken_at: event.at, by };
  const run = context.snapshot?.run ?? made.run;
  const taken_at = context.snapshot?.taken_at ?? made.taken_at;
  const snapshots = [...context.snapshots, { ...made, run, taken_at }];
  const gone = isScheduled(made) ? surplus({ ...context, snapshots }, 0) : [];
  enqueue.emit({ type: 'snapshot.created', name });
  for (const { name: old } of gone) {
    enqueue.emit({ type: 'snapshot.deleted', name: old });
    enqueue(dropNamed(old));
  }
  enqueue.assign({ snapshots: snapshots.filter((kept) => !gone.includes(kept)), snapshot_work: null });
});

export const deleteSnapshot = chart.enqueueActions(({ context, event, enqueue }) => {
  const deleted = named(context, event);
  if (deleted === undefined) return;
  enqueue.assign({
    snapshots: context.snapshots.filter((other) => other !== deleted),
    intent: { ...context.intent, at: event.at },
  });
  enqueue.emit({ type: 'snapshot.deleted', name: deleted.name });
  enqueue(dropNamed(deleted.name));
});

/** Accepted wherever the instance keeps its snapshots, and whatever its guest does meanwhile. */
export const onDeleteSnapshot = { guard: knowsSnapshot, actions: deleteSnapshot };

export const beginReverting = chart.assign(({ event }) =>
  event.type === 'restore_snapshot' ? { snapshot_work: { name: event.name, by: event.by, then: event.then } } : {},
);

/** Names of snapshots are not longer than this. */
const NAME_MAX_CHARS = 63;
const AGAIN = '-again';

/** Beside what the guest sleeps in now, which stays until the copy is there. */
export function revertedName({ run, snapshot, snapshot_work }: ChartContext): string {
  const name = `run-${run.number}-${snapshot_work?.name ?? ''}`.slice(0, NAME_MAX_CHARS - AGAIN.length);
  return snapshot?.name === name ? `${name}${AGAIN}` : name;
}

export const askReverting = {
  type: 'ask' as const,
  params: ({ context }: { context: ChartContext }): Effect => ({
    kind: 'snapshot.copy',
    run: context.run.number,
    snapshot: context.snapshot_work?.name ?? '',
    as: revertedName(context),
  }),
};

/**
 * The end of bringing one back, whatever ended it. Done, it is what the guest sleeps in from now on, and what it slept in
 * before goes; otherwise that is as it was, and what may lie there half-copied goes.
 */
export const endReverting = chart.enqueueActions(({ context, event, enqueue }) => {
  if (!isDone(event)) {
    enqueue.emit({ type: 'snapshot.failed', name: context.snapshot_work?.name ?? '', message: failureIn(event) });
    if (!('effect' in event)) enqueue({ type: 'ask', params: { kind: 'effect.withdraw', run: context.run.number } });
    enqueue(dropNamed(revertedName(context)));
    enqueue.assign({ snapshot_work: null });
    return;
  }
  const work = context.snapshot_work;
  const source = context.snapshots.find(({ name }) => name === work?.name);
  if (context.snapshot !== null) enqueue(dropNamed(context.snapshot.name));
  enqueue.assign({
    snapshot: {
      name: revertedName(context),
      run: source?.run ?? context.run.number,
      taken_at: source?.taken_at ?? event.at,
    },
    snapshot_work: null,
    standby: { ...context.standby, request: null, asleep_since: null },
    trouble: null,
  });
  enqueue.emit({ type: 'snapshot.restored', name: work?.name ?? '' });
});

export const thenIs =
  (then: 'running' | 'standby') =>
  ({ context }: Moment): boolean =>
    context.snapshot_work?.then === then;
