import type { Definition } from '../../machines/definition.ts';
import { type Phase, type PublicState, phaseOf, publicStateOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { type VainSchedules, vainSchedules } from '../../machines/schedules.ts';
import { type HealthStatusView, healthStatusView } from './health-view.ts';
import { nullableInstant, toRfc3339 } from './instants.ts';
import { type NetworkView, networkView } from './network-view.ts';
import { autoStandbyView, healthCheckView, restartPolicyView } from './policy-views.ts';
import { type RestartStatusView, type RestartView, restartStatusView, restartView } from './restart-view.ts';
import { type SnapshotFields, snapshotFields } from './snapshot-views.ts';

/**
 * What GET shows of one instance: a pure function of its last record and its definition. Field names are those of
 * hypeman's client; `phase`, `wanted`, `run`, `restart`, `version` and `network.ports` are ours. Times are RFC 3339, UTC.
 */
export interface InstanceView extends SnapshotFields {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state: PublicState;
  readonly phase: Phase;
  readonly state_error: string | null;
  readonly wanted: 'running' | 'stopped' | 'ignore';
  readonly created_at: string;
  readonly started_at: string | null;
  readonly stopped_at: string | null;
  readonly exit_code: number | null;
  readonly exit_message: string | null;
  readonly exit_reason: string | null;
  readonly has_snapshot: boolean;
  readonly size: string;
  readonly vcpus: number;
  readonly network: NetworkView;
  readonly run: number;
  readonly pid: number | null;
  readonly restart_policy?: RestartPolicyView;
  readonly restart_status?: RestartStatusView;
  /** Ours, beside hypeman's status; absent when there is nothing to tell. */
  readonly restart?: RestartView;
  readonly health_check?: Readonly<Record<string, unknown>>;
  readonly health_status: HealthStatusView;
  readonly auto_standby?: Readonly<Record<string, unknown>>;
  /** What happens by the calendar; absent when nothing does. */
  readonly schedules?: NonNullable<Definition['schedules']>;
  /** Those of which nothing comes as things stand, and why; absent when there are none. */
  readonly schedules_in_vain?: VainSchedules;
  readonly expires_at: string | null;
  /** Programs of the host run before a stop or a standby, by moment; absent when there are none. */
  readonly hooks?: NonNullable<Definition['hooks']>;
  /** Only when it is so. */
  readonly skip_guest_agent?: true;
  readonly version: number;
}

export interface RestartPolicyView {
  readonly policy: 'on_failure' | 'always';
  /** Absent where the delays are listed. */
  readonly backoff?: string;
  readonly max_attempts?: number;
  readonly stable_after: string;
  readonly backoff_max?: string;
  readonly jitter?: number;
  readonly delays?: readonly string[];
  readonly exit_codes?: { readonly restart?: readonly number[]; readonly never?: readonly number[] };
  readonly stability_period?: string;
}

export function instanceView(record: InstanceRecord, definition: Definition): InstanceView {
  const { value, context } = record.state;
  const { run } = context;
  const state = publicStateOf(value);
  const status = restartStatusView(record);
  const restart = restartView(record);
  const live = !run.ended;
  return {
    id: record.stream,
    name: definition.name,
    image: definition.image,
    state,
    phase: phaseOf(value),
    state_error: context.trouble?.message ?? null,
    wanted: context.intent.wanted,
    created_at: toRfc3339(context.created_at),
    started_at: nullableInstant(run.started_at),
    stopped_at: live ? null : nullableInstant(run.exit?.ended_at ?? null),
    exit_code: live ? null : (run.exit?.code ?? null),
    exit_message: live ? null : (run.exit?.message ?? null),
    exit_reason: live ? null : (run.exit?.reason ?? null),
    has_snapshot: context.snapshot !== null,
    ...snapshotFields(context),
    size: formatSize(definition.memory_bytes),
    vcpus: definition.vcpus,
    network: networkView(definition.network),
    run: run.number,
    pid: live ? run.pid : null,
    ...(definition.restart_policy === null ? {} : { restart_policy: restartPolicyView(definition.restart_policy) }),
    ...(Object.keys(status).length === 0 ? {} : { restart_status: status }),
    ...(Object.keys(restart).length === 0 ? {} : { restart }),
    ...(definition.health_check === null ? {} : { health_check: healthCheckView(definition.health_check) }),
    health_status: healthStatusView(record, definition, state),
    ...(definition.auto_standby === null ? {} : { auto_standby: autoStandbyView(definition.auto_standby) }),
    ...scheduleFields(record, definition),
    expires_at: nullableInstant(definition.expiry?.expires_at ?? null),
    ...(definition.hooks == null ? {} : { hooks: definition.hooks }),
    ...(definition.skip_guest_agent === true ? { skip_guest_agent: true } : {}),
    version: record.version,
  };
}

function scheduleFields(
  { state }: InstanceRecord,
  definition: Definition,
): Pick<InstanceView, 'schedules' | 'schedules_in_vain'> {
  const { schedules } = definition;
  if (schedules == null) return {};
  const inVain = vainSchedules(state, definition);
  return { schedules, ...(Object.keys(inVain).length === 0 ? {} : { schedules_in_vain: inVain }) };
}

const SIZE_UNITS = [
  ['TB', 1024 ** 4],
  ['GB', 1024 ** 3],
  ['MB', 1024 ** 2],
  ['KB', 1024],
] as const;

/** The largest unit that divides it: `1GB`, `128MB`. Units are powers of 1024. */
export function formatSize(bytes: number): string {
  for (const [unit, size] of SIZE_UNITS) if (bytes % size === 0 && bytes > 0) return `${bytes / size}${unit}`;
  return `${bytes}B`;
}
