import type { Definition } from '../../machines/definition.ts';
import { formatDuration } from '../../machines/duration.ts';
import { publicStateOf, stateOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { toRfc3339 } from './instants.ts';

/** What the status endpoint of standby answers: the last record, its definition, and how many connections are open. */
export interface AutoStandbyStatusView {
  readonly supported: boolean;
  readonly configured: boolean;
  readonly enabled: boolean;
  readonly eligible: boolean;
  readonly status:
    | 'disabled'
    | 'ineligible'
    | 'standby_requested'
    | 'error'
    | 'active'
    | 'idle_countdown'
    | 'ready_for_standby';
  readonly reason:
    | 'policy_missing'
    | 'policy_disabled'
    | 'instance_not_running'
    | 'network_disabled'
    | 'observer_error'
    | 'active_inbound_connections'
    | 'idle_timeout_not_elapsed'
    | 'ready_for_standby';
  readonly active_inbound_connections: number;
  readonly tracking_mode: string;
  readonly idle_timeout?: string;
  readonly idle_since?: string;
  readonly last_inbound_activity_at?: string;
  readonly next_standby_at?: string;
  readonly hold_until?: string;
  readonly countdown_remaining?: string;
}

const TRACKING_MODE = 'conntrack_events_v4_tcp';

type Verdict = Pick<AutoStandbyStatusView, 'status' | 'reason' | 'eligible'>;

/** `connections`: the live reading, 0 when there is none. `now`: epoch ms. */
export function autoStandbyStatusView(
  record: InstanceRecord,
  definition: Definition,
  connections: number,
  now: number,
): AutoStandbyStatusView {
  const policy = definition.auto_standby;
  const { idle_since, hold_until, last_activity_at } = record.state.context.standby;
  const verdict = verdictOf(record, definition);
  const timeoutMs = policy?.idle_timeout_ms;
  const counting = verdict.eligible && idle_since !== null && timeoutMs !== undefined;
  const dueMs = counting ? Math.max(idle_since + timeoutMs, hold_until ?? 0) : null;
  const held = verdict.eligible && hold_until !== null && hold_until > now;
  return {
    supported: true,
    configured: policy !== null,
    enabled: policy?.enabled === true,
    ...verdict,
    active_inbound_connections: verdict.eligible ? connections : 0,
    tracking_mode: TRACKING_MODE,
    ...(timeoutMs === undefined ? {} : { idle_timeout: formatDuration(timeoutMs) }),
    ...(counting ? { idle_since: toRfc3339(idle_since) } : {}),
    ...(verdict.eligible && last_activity_at !== null ? { last_inbound_activity_at: toRfc3339(last_activity_at) } : {}),
    ...(dueMs === null ? {} : { next_standby_at: toRfc3339(dueMs) }),
    ...(held ? { hold_until: toRfc3339(hold_until) } : {}),
    ...(dueMs === null ? {} : { countdown_remaining: formatDuration(Math.max(0, dueMs - now)) }),
  };
}

function verdictOf({ state }: InstanceRecord, { auto_standby, network }: Definition): Verdict {
  if (auto_standby === null) return { status: 'disabled', reason: 'policy_missing', eligible: false };
  if (!auto_standby.enabled) return { status: 'disabled', reason: 'policy_disabled', eligible: false };
  if (publicStateOf(state.value) !== 'Running') {
    return { status: 'ineligible', reason: 'instance_not_running', eligible: false };
  }
  if (!network.enabled) return { status: 'ineligible', reason: 'network_disabled', eligible: false };
  switch (stateOf(state.value, 'standby')) {
    case 'requested':
      return { status: 'standby_requested', reason: 'ready_for_standby', eligible: true };
    case 'blind':
      return { status: 'error', reason: 'observer_error', eligible: true };
    case 'countdown':
      return { status: 'idle_countdown', reason: 'idle_timeout_not_elapsed', eligible: true };
    case 'confirming':
      return { status: 'ready_for_standby', reason: 'ready_for_standby', eligible: true };
    default:
      return { status: 'active', reason: 'active_inbound_connections', eligible: true };
  }
}
