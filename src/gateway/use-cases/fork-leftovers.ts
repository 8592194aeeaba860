import { awaitsFirstRun } from '../../../machines/public-states.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { FORKING_PREFIX } from '../requests/snapshots.ts';
import { CommandSender } from './command-sender.ts';
import type { Caller, UseCaseOptions } from './contract.ts';
import { createWaiting, type Sight, type Waiting } from './waiting.ts';

/** Snapshots that forks took of their sources: dropped once the fork has its copy, and found again after a crash. */

/** A fork has taken its copy by then, or never will. */
export const FORK_COPY_WAIT_MS = 660_000;
/** A snapshot is gone within this time. */
const DROP_WAIT_MS = 60_000;

const SYSTEM: Caller = { actor: 'system', via: 'system', scopes: ['operate'] };

export interface Leftovers {
  /** One at a time for the same key, in the order of asking. */
  alone<T>(key: string, act: () => Promise<T>): Promise<T>;
  /** Resolves once the snapshot is gone. */
  drop(source: string, snapshot: string): Promise<void>;
  /** The same, as soon as no fork needs the snapshot any more; what fails is left to the next start. */
  dropSoon(source: string, snapshot: string): void;
  /** Drops what forks of earlier daemons have left behind. Answers how many snapshots that are. */
  dropAll(): number;
}

export function createLeftovers(
  options: UseCaseOptions,
  waiting: Waiting = createWaiting(options.instances, options.clock),
): Leftovers {
  const { instances } = options;
  const sender = new CommandSender(options, waiting);
  const turns = new Map<string, Promise<unknown>>();

  function alone<T>(key: string, act: () => Promise<T>): Promise<T> {
    const turn = (turns.get(key) ?? Promise.resolve()).then(act);
    const settled = turn.then(
      () => {},
      () => {},
    );
    turns.set(key, settled);
    void settled.then(() => {
      if (turns.get(key) === settled) turns.delete(key);
    });
    return turn;
  }

  async function drop(source: string, snapshot: string): Promise<void> {
    const has = instances.get(source)?.snapshots?.some(({ name }) => name === snapshot) === true;
    if (!has) return;
    const input = { id: source, name: snapshot };
    const request = { verb: 'delete_snapshot', id: source, waitMs: DROP_WAIT_MS, input, caller: SYSTEM } as const;
    const command = { type: 'delete_snapshot', by: SYSTEM.actor, name: snapshot } as const;
    const { outcome } = await sender.send({ ...request, wish: { snapshot } }, command);
    if (outcome === 'reached') return;
    throw new StatevisorError('not_reached', `The snapshot ${snapshot} could not be dropped.`);
  }

  /** Instances that have still to take their copy of it. */
  function takers(source: string, snapshot: string): string[] {
    return instances.list().flatMap(({ id, phase, forked_from }) => {
      const isOf = forked_from?.instance === source && forked_from.snapshot === snapshot;
      return isOf && awaitsFirstRun(phase) ? [id] : [];
    });
  }

  async function dropUnneeded(source: string, snapshot: string): Promise<void> {
    const hasTaken = ({ view, deleted }: Sight): true | null => (deleted || !awaitsFirstRun(view.phase) ? true : null);
    await Promise.all(takers(source, snapshot).map((id) => waiting.outcome(id, FORK_COPY_WAIT_MS, hasTaken)));
    if (takers(source, snapshot).length === 0) await alone(snapshot, () => drop(source, snapshot));
  }

  const dropSoon = (source: string, snapshot: string): void => {
    void dropUnneeded(source, snapshot).catch(() => {});
  };

  return {
    alone,
    drop,
    dropSoon,
    dropAll: () => {
      const left = instances.list().flatMap(({ id, snapshots = [] }) => {
        return snapshots.flatMap(({ name }) => (name.startsWith(FORKING_PREFIX) ? [{ id, name }] : []));
      });
      for (const { id, name } of left) dropSoon(id, name);
      return left.length;
    },
  };
}
