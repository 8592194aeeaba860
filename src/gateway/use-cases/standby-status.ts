import type { ChartContext, StandbyContext } from '../../../machines/context.ts';
import { type AwakeCause, whyAwake } from '../../../machines/wakefulness.ts';
import type { ActivityView, Connection } from '../../actors/contracts/activity.ts';
import type { CommandTaker } from '../../actors/supervisor.ts';
import {
  type AutoStandbyStatusView,
  autoStandbyStatusView,
  type StandbySnapshot,
  type Traffic,
} from '../../projections/auto-standby-status.ts';
import { nullableInstant, toRfc3339 } from '../../projections/instants.ts';
import { type SnapshotView, snapshotViews } from '../../projections/snapshot-views.ts';
import type { StandbyOutcomeView } from '../../projections/standby-outcomes.ts';
import { checked } from '../requests/checked.ts';
import { getRequest } from '../requests/target.ts';
import { caughtUp } from './caught-up.ts';
import type { UseCase, UseCaseOptions } from './contract.ts';
import type { Waiting } from './waiting.ts';

/** hypeman's status of standby, and beside it what is ours: why the guest is awake, and what there is to tell of its sleep. */
export interface StandbyReport extends AutoStandbyStatusView, Partial<StandbyOutcomeView> {
  /** What watches traffic; null where nothing does. */
  readonly observer: Traffic['observer'];
  /** What keeps it awake, of several causes the one that has to end first; null when it is not awake. */
  readonly why_awake: AwakeCause | null;
  /** Those that keep it awake, as far as they are named one by one. */
  readonly connections: readonly Connection[];
  /** It waits until fewer guests are being put away: since when, why, and when it asks again. */
  readonly queue: { readonly since: string; readonly reason: string | null; readonly retry_at: string | null } | null;
  /** What the standby under way, or that it sleeps in, was begun for. */
  readonly requested_by: 'idle' | 'schedule' | 'operator' | null;
  readonly asleep_since: string | null;
  readonly snapshots: readonly SnapshotView[];
}

export function standbyReport(
  { clock, supervisor, standby_outcomes }: UseCaseOptions,
  id: string,
  snapshot: StandbySnapshot,
): StandbyReport {
  const traffic = trafficOf(supervisor.activity(), id);
  const status = autoStandbyStatusView(snapshot, traffic, clock.now());
  // The answer to a hold that is repeated may be that of a record from before the fourth chart.
  const { slot = null, request = null, asleep_since = null }: Partial<StandbyContext> = snapshot.context.standby;
  const { snapshots = [] }: Partial<ChartContext> = snapshot.context;
  const retryAt = nullableInstant(slot?.retry_at ?? null);
  return {
    ...status,
    why_awake: seenAwake(snapshot, status, clock.now()),
    observer: observerOf(traffic),
    connections: status.eligible ? (traffic.connections?.listed ?? []) : [],
    queue: slot === null ? null : { since: toRfc3339(slot.since), reason: slot.reason, retry_at: retryAt },
    requested_by: request,
    asleep_since: nullableInstant(asleep_since),
    snapshots: snapshotViews(snapshots),
    ...standby_outcomes?.of(id),
  };
}

function trafficOf(activity: ActivityView, id: string): Traffic {
  const { observer } = activity;
  const { reading, connections } = activity.standbyReadings(id);
  if (connections !== undefined || reading?.observer !== 'in_order') return { observer, connections };
  return { observer, connections: { connections: reading.connections, listed: [] } };
}

/**
 * As the record has it, but for what is seen of traffic by now: it takes connections to be there until somebody says that
 * they are not, and is told of a change a little later than this view.
 */
function seenAwake(snapshot: StandbySnapshot, { status }: AutoStandbyStatusView, now: number): AwakeCause | null {
  const { definition } = snapshot.context;
  const present = definition === null ? null : whyAwake(snapshot, definition, now);
  if (present === null || !OF_TRAFFIC.includes(present)) return present;
  return SEEN_INSTEAD[status] ?? (present === 'connection' ? 'countdown' : present);
}

/** Which of them it is depends on who talks to the guest. */
const OF_TRAFFIC: readonly AwakeCause[] = ['connection', 'countdown', 'hold', 'observer_blind'];

const SEEN_INSTEAD: Partial<Record<AutoStandbyStatusView['status'], AwakeCause>> = {
  unsupported: 'observer_blind',
  error: 'observer_blind',
  // One that runs, has a policy and a network, and no address by which it could be told from others.
  ineligible: 'observer_blind',
  active: 'connection',
};

/** Its counts are shown with the host. */
function observerOf({ observer }: Traffic): Traffic['observer'] {
  if (observer === null) return null;
  const { mode, state, error } = observer;
  return { mode, state, error };
}

/** The report of the instance of that id, as it stands now. */
export async function presentReport(
  options: UseCaseOptions & { readonly supervisor: Pick<CommandTaker, 'look'> },
  id: string,
): Promise<StandbyReport> {
  return standbyReport(options, id, await options.supervisor.look(id));
}

export function standbyStatusUseCase(options: UseCaseOptions, waiting: Waiting): UseCase {
  const { supervisor, instances, host } = options;
  return async (input, caller) => {
    const { id: text, min_position } = checked(getRequest, input);
    await caughtUp(options, waiting, min_position, caller);
    const id = supervisor.resolve(text);
    const body = await presentReport(options, id);
    const version = instances.get(id)?.version ?? null;
    return { status: 200, body, position: instances.position(), version, host };
  };
}
