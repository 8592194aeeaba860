import { SNAPSHOTS_MAX } from '../../../machines/policies.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import type { SnapshotView } from '../../projections/snapshot-views.ts';
import { checked } from '../requests/checked.ts';
import {
  createSnapshotRequest,
  deleteSnapshotRequest,
  listSnapshotsRequest,
  restoreSnapshotRequest,
} from '../requests/snapshots.ts';
import { caughtUp } from './caught-up.ts';
import type { CommandSender } from './command-sender.ts';
import type { UseCase, UseCaseOptions, UseCases } from './contract.ts';
import type { Waiting } from './waiting.ts';

/** A snapshot with what the hypervisor says of it; its size is null where that is not known. */
export type ListedSnapshot = SnapshotView & { readonly size_bytes: number | null };

export interface SnapshotList {
  /** Those with a name, oldest first. */
  readonly snapshots: readonly ListedSnapshot[];
  /** The memory of a guest that sleeps: it goes when the guest wakes. */
  readonly sleeping: { readonly run: number; readonly taken_at: string; readonly size_bytes: number | null } | null;
  /** As many names as one instance may have. */
  readonly most: number;
  /** What keeps them; null where nobody was asked. */
  readonly hypervisor: string | null;
}

/** The named snapshots of one instance: made, deleted, and brought back in its place. */
export function snapshotUseCases(
  sender: CommandSender,
): Pick<UseCases, 'create_snapshot' | 'delete_snapshot' | 'restore_snapshot'> {
  return {
    create_snapshot: async (input, caller) => {
      const { id, name, wait } = checked(createSnapshotRequest, input);
      const request = { verb: 'create_snapshot', id, waitMs: wait, input, caller, wish: { snapshot: name } } as const;
      return sender.send(request, { type: 'create_snapshot', by: caller.actor, name });
    },
    delete_snapshot: async (input, caller) => {
      const { id, name, wait } = checked(deleteSnapshotRequest, input);
      const request = { verb: 'delete_snapshot', id, waitMs: wait, input, caller, wish: { snapshot: name } } as const;
      return sender.send(request, { type: 'delete_snapshot', by: caller.actor, name });
    },
    restore_snapshot: async (input, caller) => {
      const { id, name, then, wait } = checked(restoreSnapshotRequest, input);
      const wish = { snapshot: name, wanted: then };
      const request = { verb: 'restore_snapshot', id, waitMs: wait, input, caller, wish } as const;
      return sender.send(request, { type: 'restore_snapshot', by: caller.actor, name, then });
    },
  };
}

export function listSnapshotsUseCase(options: UseCaseOptions, waiting: Waiting): UseCase {
  const { supervisor, instances, host, snapshotStore } = options;
  return async (input, caller) => {
    const { id: text, min_position } = checked(listSnapshotsRequest, input);
    await caughtUp(options, waiting, min_position, caller);
    const id = supervisor.resolve(text);
    const { context } = await supervisor.look(id);
    // What lies on disk is told beside what is recorded, which stays true when the disk cannot be read.
    const stored = (await snapshotStore?.listSnapshots(id).catch(() => [])) ?? [];
    const sizeOf = (name: string): number | null => stored.find(({ snapshot }) => snapshot === name)?.bytes ?? null;
    const { snapshot } = context;
    const body: SnapshotList = {
      snapshots: context.snapshots.map(({ name, run, taken_at, by }) => {
        return { name, run, taken_at: toRfc3339(taken_at), by, size_bytes: sizeOf(name) };
      }),
      sleeping:
        snapshot === null
          ? null
          : { run: snapshot.run, taken_at: toRfc3339(snapshot.taken_at), size_bytes: sizeOf(snapshot.name) },
      most: SNAPSHOTS_MAX,
      hypervisor: snapshotStore?.name ?? null,
    };
    const version = instances.get(id)?.version ?? null;
    return { status: 200, body, position: instances.position(), version, host };
  };
}
