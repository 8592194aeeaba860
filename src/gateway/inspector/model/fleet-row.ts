import {
  healthShown,
  type Phase,
  type PublicState,
  phaseOf,
  publicStateOf,
  stateOf,
} from '../../../../machines/public-states.ts';
import type { InstanceRecord } from '../../../../machines/record.ts';
import type { InstanceView } from '../../../projections/instance-view.ts';

/** More than one host holds; what lies beyond is not shown, and the page says so. */
export const FLEET_ROWS_MAX = 10_000;

/** One line of the list of instances: what GET shows of it, kept up to date with each of its records. */
export interface FleetRow {
  readonly id: string;
  readonly name: string;
  readonly state: PublicState;
  readonly phase: Phase;
  readonly health: string;
  readonly wanted: string;
  readonly run: number;
  readonly attempts: number;
  /** Epoch ms; null when no attempt is scheduled. */
  readonly nextAttemptAt: number | null;
  readonly blocked: string | null;
  readonly trouble: string | null;
  readonly version: number;
}

export function rowOfView(view: InstanceView): FleetRow {
  const { attempts = 0, next_attempt_at, blocked_reason = null } = view.restart_status ?? {};
  return {
    id: view.id,
    name: view.name,
    state: view.state,
    phase: view.phase,
    health: view.health_status.status,
    wanted: view.wanted,
    run: view.run,
    attempts,
    nextAttemptAt: next_attempt_at === undefined ? null : Date.parse(next_attempt_at),
    blocked: blocked_reason,
    trouble: view.state_error,
    version: view.version,
  };
}

/** `name` is what is known of it: most records do not tell it. Null when the instance is gone. */
export function rowOfRecord(record: InstanceRecord, name: string): FleetRow | null {
  const { value, context } = record.state;
  const phase = phaseOf(value);
  if (phase === 'deleted') return null;
  const state = publicStateOf(value);
  return {
    id: record.stream,
    name: record.definition?.name ?? name,
    state,
    phase,
    health: healthShown(stateOf(value, 'health'), state),
    wanted: context.intent.wanted,
    run: context.run.number,
    attempts: context.restart.attempts,
    nextAttemptAt: context.restart.next_attempt_at,
    blocked: context.restart.blocked_reason,
    trouble: context.trouble?.message ?? null,
    version: record.version,
  };
}

/** Whether all words of a filter occur in what the line shows. */
export function fits(row: FleetRow, filter: string): boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const text =
    `${row.name} ${row.id} ${row.state} ${row.phase} ${row.health} ${row.wanted} ${row.blocked ?? ''}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
