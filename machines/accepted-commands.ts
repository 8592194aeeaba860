import { COMMAND_TYPES, type Command, type CommandType, type ExternalEvent } from './events.ts';
import { editsAllowed } from './guards.ts';
import { type ChartSnapshot, step } from './step.ts';

/** Commands that say nothing beyond their type, for asking what a state accepts. */
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

/** Why a refused command was refused: because of what it asks at this late hour, or because of the state it met. */
export function refusalReason(snapshot: ChartSnapshot, event: ExternalEvent): 'expired' | 'invalid_state' {
  return event.type === 'update' && !editsAllowed({ context: snapshot.context, event }) ? 'expired' : 'invalid_state';
}
