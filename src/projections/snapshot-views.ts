import type { ChartContext, NamedSnapshot } from '../../machines/context.ts';
import { toRfc3339 } from './instants.ts';

/** A snapshot that stays until somebody deletes it, or the schedule that took it keeps newer ones. */
export interface SnapshotView {
  readonly name: string;
  /** The run whose guest it holds. */
  readonly run: number;
  readonly taken_at: string;
  /** Who asked for it. */
  readonly by: string;
}

export function snapshotViews(snapshots: readonly NamedSnapshot[]): SnapshotView[] {
  return snapshots.map(({ name, run, taken_at, by }) => ({ name, run, taken_at: toRfc3339(taken_at), by }));
}

/** What a view tells of them; each is absent when there is nothing to tell. */
export interface SnapshotFields {
  /** Those with a name, oldest first. */
  readonly snapshots?: readonly SnapshotView[];
  /** The named snapshot that is being made, or brought back. */
  readonly snapshot_under_way?: string;
  /** Whose fork it is, and the snapshot that it began with; null: it began without any memory. */
  readonly forked_from?: { readonly instance: string; readonly snapshot: string | null };
}

/** Records of charts before the fourth know nothing of any. */
export function snapshotFields(context: Partial<ChartContext>): SnapshotFields {
  const { snapshots = [], snapshot_work = null, origin = null } = context;
  return {
    ...(snapshots.length === 0 ? {} : { snapshots: snapshotViews(snapshots) }),
    ...(snapshot_work === null ? {} : { snapshot_under_way: snapshot_work.name }),
    ...(origin === null ? {} : { forked_from: origin }),
  };
}
