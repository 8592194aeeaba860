import { acceptedCommands, type RefusalReason, refusalReason } from '../../machines/accepted-commands.ts';
import type { ExternalEvent } from '../../machines/events.ts';
import { SNAPSHOTS_MAX } from '../../machines/policies.ts';
import { type Phase, phaseOf } from '../../machines/public-states.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { StatevisorError } from './errors.ts';

/** Why the chart does not accept a command in its present state. */
export function commandRefusal(snapshot: ChartSnapshot, event: ExternalEvent): StatevisorError {
  const reason = refusalReason(snapshot, event);
  if (reason !== 'invalid_state') {
    const { message, field } = REFUSALS[reason];
    const whose = snapshot.context.definition?.name ?? 'The instance';
    const of = 'name' in event ? event.name : '';
    return new StatevisorError(reason, message(whose, of), field === null ? {} : { field });
  }
  const accepts = acceptedCommands(snapshot, event.at).toSorted();
  return new StatevisorError('invalid_state', messageOf(event.type, phaseOf(snapshot.value), accepts), {
    details: { command: event.type, state: snapshot.value, accepts },
  });
}

interface Refusal {
  /** Says whose it is, and the name of the snapshot it is about. */
  readonly message: (instance: string, snapshot: string) => string;
  readonly field: string | null;
}

const REFUSALS: Readonly<Record<Exclude<RefusalReason, 'invalid_state'>, Refusal>> = {
  expired: { message: () => 'The expiry has been reached; it cannot be changed any more.', field: 'expires_at' },
  instance_in_standby: {
    message: (instance) => `${instance} is in standby, or on its way there; restore it first.`,
    field: null,
  },
  snapshot_not_found: { message: (instance, snapshot) => `${instance} has no snapshot ${snapshot}.`, field: 'name' },
  snapshot_exists: {
    message: (instance, snapshot) => `${instance} has a snapshot ${snapshot} already.`,
    field: 'name',
  },
  snapshot_limit: {
    message: (instance) => `${instance} has ${SNAPSHOTS_MAX} snapshots, and an instance has no more.`,
    field: null,
  },
};

/** Some commands are refused for what is not there rather than for the state. */
function messageOf(type: string, phase: Phase, accepts: readonly string[]): string {
  if (type === 'cancel_restart') return 'No automatic restart is pending, so there is nothing to cancel.';
  if (type === 'reset_restart' && accepts.includes('start')) {
    return 'It is stopped, and a stop leaves no window of restarts to open: `start` opens a new window.';
  }
  if (type === 'restore_snapshot' && accepts.includes('standby')) {
    return `A snapshot is brought back to an instance that is stopped or asleep, and this one is ${phase}: stop it first.`;
  }
  const others = accepts.length === 0 ? 'nothing is' : `accepted are ${accepts.join(', ')}`;
  return `${type} is not accepted in the state ${phase}; ${others}.`;
}
