import { acceptedCommands, refusalReason } from '../../machines/accepted-commands.ts';
import type { ExternalEvent } from '../../machines/events.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { StatevisorError } from './errors.ts';

/** Why the chart does not accept a command in its present state. */
export function commandRefusal(snapshot: ChartSnapshot, event: ExternalEvent): StatevisorError {
  if (refusalReason(snapshot, event) === 'expired') {
    return new StatevisorError('expired', 'The expiry has been reached; it cannot be changed any more.', {
      field: 'expires_at',
    });
  }
  const accepts = acceptedCommands(snapshot, event.at);
  return new StatevisorError('invalid_state', messageOf(event.type, accepts), {
    details: { command: event.type, state: snapshot.value, accepts },
  });
}

/** Some commands are refused for what is not there rather than for the state. */
function messageOf(type: string, accepts: readonly string[]): string {
  if (type === 'cancel_restart') return 'No automatic restart is pending, so there is nothing to cancel.';
  if (type === 'reset_restart' && accepts.includes('start')) {
    return 'It is stopped, and a stop leaves no window of restarts to open: `start` opens a new window.';
  }
  return `${type} is not accepted in the present state.`;
}
