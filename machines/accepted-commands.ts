import { COMMAND_TYPES, type Command, type CommandType, type ExternalEvent } from './events.ts';
import { editsAllowed } from './guards.ts';
import { SNAPSHOTS_MAX } from './policies.ts';
import { knowsSnapshot } from './snapshot-actions.ts';
import { type ChartSnapshot, step } from './step.ts';

/** One that none of its snapshots has. */
function freeName({ context: { snapshots } }: ChartSnapshot): string {
  let free = 'snapshot';
  while (snapshots.some(({ name }) => name === free)) free = `${free}-2`;
  return free;
}

/** Commands that say as little as can be beyond their type, for asking what a state accepts. */
function plainCommand(type: CommandType, snapshot: ChartSnapshot, at: number): Command | null {
  const by = 'nobody';
  switch (type) {
    case 'create': {
      const { definition } = snapshot.context;
      return definition === null ? null : { type, at, by, definition, wanted: 'stopped' };
    }
    case 'hold':
      return { type, at, by, until: at };
    case 'update':
      return { type, at, by, changes: {} };
    case 'create_snapshot':
      return { type, at, by, name: freeName(snapshot) };
    case 'delete_snapshot':
    case 'restore_snapshot': {
      const [kept] = snapshot.context.snapshots;
      if (kept === undefined) return null;
      return type === 'delete_snapshot'
        ? { type, at, by, name: kept.name }
        : { type, at, by, name: kept.name, then: 'running' };
    }
    default:
      return { type, at, by };
  }
}

/**
 * The commands this state accepts at the instant `at` (epoch ms), found by trying each of them: the step is pure, so
 * trying costs nothing but time. Before `create` nothing else is accepted. A command whose trial throws is not.
 */
export function acceptedCommands(snapshot: ChartSnapshot, at: number): CommandType[] {
  if (snapshot.context.definition === null) return ['create'];
  return COMMAND_TYPES.filter((type) => {
    const command = plainCommand(type, snapshot, at);
    return command !== null && tryStep(snapshot, command);
  });
}

function tryStep(snapshot: ChartSnapshot, command: Command): boolean {
  try {
    return step(snapshot, command).accepted;
  } catch {
    return false;
  }
}

export type RefusalReason =
  | 'expired'
  | 'instance_in_standby'
  | 'snapshot_not_found'
  | 'snapshot_exists'
  | 'snapshot_limit'
  | 'invalid_state';

/** Why a refused command was refused: because of what it asks, or because of the state it met. */
export function refusalReason(snapshot: ChartSnapshot, event: ExternalEvent): RefusalReason {
  const { context } = snapshot;
  switch (event.type) {
    case 'update':
      return editsAllowed({ context, event }) ? 'invalid_state' : 'expired';
    case 'hold':
      return sleepsOrWill(context) ? 'instance_in_standby' : 'invalid_state';
    case 'create_snapshot':
      if (context.snapshots.some(({ name }) => name === event.name)) return 'snapshot_exists';
      return context.snapshots.length >= SNAPSHOTS_MAX ? 'snapshot_limit' : 'invalid_state';
    case 'delete_snapshot':
    case 'restore_snapshot':
      return knowsSnapshot({ context, event }) ? 'invalid_state' : 'snapshot_not_found';
    default:
      return 'invalid_state';
  }
}

/** It is asleep, or on a way there that no hold ends: past the point of no return, or by an operator's word. */
function sleepsOrWill({ standby, stop }: ChartSnapshot['context']): boolean {
  return (
    standby.asleep_since !== null || standby.request === 'operator' || ['standby', 'wake'].includes(stop?.next ?? '')
  );
}
