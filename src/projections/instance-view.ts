import type { Definition } from '../../machines/definition.ts';
import { type Phase, type PublicState, phaseOf, publicStateOf, stateOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { type NetworkView, networkView } from './network-view.ts';
import { autoStandbyView, healthCheckView, restartPolicyView } from './policy-views.ts';

/**
 * What GET shows of one instance: a pure function of its last record and its definition. Field names are those of
 * hypeman's client; `phase`, `wanted`, `run`, `version` and `network.ports` are ours. Times are RFC 3339, UTC.
 */
export interface InstanceView {
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
  readonly health_check?: Readonly<Record<string, unknown>>;
  readonly health_status: HealthStatusView;
  readonly auto_standby?: Readonly<Record<string, unknown>>;
  readonly expires_at: string | null;
  /** Programs of the host run before a stop or a standby, by moment; absent when there are none. */
  readonly hooks?: NonNullable<Definition['hooks']>;
  /** Only when it is so. */
  readonly skip_guest_agent?: true;
  readonly version: number;
}

export interface RestartPolicyView {
  readonly policy: 'on_failure' | 'always';
  readonly backoff: string;
  readonly max_attempts?: number;
  readonly stable_after: string;
}

/** Exactly the reference's fields; absent ones are zero. */
export interface RestartStatusView {
  readonly attempts?: number;
  readonly last_attempt_at?: string;
  readonly next_attempt_at?: string;
  readonly blocked_reason?: 'manual_stop' | 'max_attempts_exceeded';
  readonly last_reason?: 'health_check_failed';
}

export const HEALTH_STATUSES = ['disabled', 'starting', 'healthy', 'unhealthy', 'unknown'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

export interface HealthStatusView {
  readonly status: HealthStatus;
  readonly consecutive_successes: number;
  readonly consecutive_failures: number;
  readonly last_error?: string | null;
}

export function instanceView(record: InstanceRecord, definition: Definition): InstanceView {
  const { value, context } = record.state;
  const { run } = context;
  const state = publicStateOf(value);
  const status = restartStatusView(record);
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
    started_at: nullable(run.started_at),
    stopped_at: live ? null : nullable(run.exit?.ended_at ?? null),
    exit_code: live ? null : (run.exit?.code ?? null),
    exit_message: live ? null : (run.exit?.message ?? null),
    exit_reason: live ? null : (run.exit?.reason ?? null),
    has_snapshot: context.snapshot !== null,
    size: formatSize(definition.memory_bytes),
    vcpus: definition.vcpus,
    network: networkView(definition.network),
    run: run.number,
    pid: live ? run.pid : null,
    ...(definition.restart_policy === null ? {} : { restart_policy: restartPolicyView(definition.restart_policy) }),
    ...(Object.keys(status).length === 0 ? {} : { restart_status: status }),
    ...(definition.health_check === null ? {} : { health_check: healthCheckView(definition.health_check) }),
    health_status: healthStatusView(record, definition, state),
    ...(definition.auto_standby === null ? {} : { auto_standby: autoStandbyView(definition.auto_standby) }),
    expires_at: nullable(definition.expiry?.expires_at ?? null),
    ...(definition.hooks == null ? {} : { hooks: definition.hooks }),
    ...(definition.skip_guest_agent === true ? { skip_guest_agent: true } : {}),
    version: record.version,
  };
}

function restartStatusView({ state }: InstanceRecord): RestartStatusView {
  const { attempts, last_attempt_at, next_attempt_at, blocked_reason, last_reason } = state.context.restart;
  return {
    ...(attempts === 0 ? {} : { attempts }),
    ...(last_attempt_at === null ? {} : { last_attempt_at: toRfc3339(last_attempt_at) }),
    ...(next_attempt_at === null ? {} : { next_attempt_at: toRfc3339(next_attempt_at) }),
    ...(blocked_reason === null ? {} : { blocked_reason }),
    ...(last_reason === null ? {} : { last_reason }),
  };
}

/** Health shows only in running; a guest that is still coming up is `starting` whatever was probed. */
function healthStatusView({ state }: InstanceRecord, definition: Definition, shown: PublicState): HealthStatusView {
  const none = { consecutive_successes: 0, consecutive_failures: 0 };
  if (definition.health_check === null) return { status: 'disabled', ...none };
  if (shown === 'Initializing') return { status: 'starting', ...none };
  if (shown !== 'Running') return { status: 'unknown', ...none };
  const { successes, failures, last_error } = state.context.health;
  return {
    status: stateOf(state.value, 'health') as HealthStatusView['status'],
    consecutive_successes: successes,
    consecutive_failures: failures,
    last_error,
  };
}

/** Instants whose text is kept: an instance shows the same ones from record to record, and writing them is dear. */
const INSTANTS_KEPT = 4_096;
const instants = new Map<number, string>();

export function toRfc3339(epochMs: number): string {
  const kept = instants.get(epochMs);
  if (kept !== undefined) return kept;
  const text = new Date(epochMs).toISOString();
  if (instants.size >= INSTANTS_KEPT) instants.clear();
  instants.set(epochMs, text);
  return text;
}

function nullable(epochMs: number | null): string | null {
  return epochMs === null ? null : toRfc3339(epochMs);
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
