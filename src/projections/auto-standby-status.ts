import { formatDuration } from '../../machines/duration.ts';
import { publicStateOf, stateOf } from '../../machines/public-states.ts';
import { idleDue } from '../../machines/setup.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { heldUntil } from '../../machines/wakefulness.ts';
import type { ConnectionsView, ObserverStatus } from '../actors/contracts/activity.ts';
import { toRfc3339 } from './instants.ts';

/** What the status endpoint of standby answers, in hypeman's words: where an instance stands, and what is seen of its traffic. */
export interface AutoStandbyStatusView {
  /** Whether anything watches traffic on this host. */
  readonly supported: boolean;
  readonly configured: boolean;
  readonly enabled: boolean;
  readonly eligible: boolean;
  readonly status: (typeof STANDBY_STATUSES)[number];
  readonly reason: (typeof STANDBY_REASONS)[number];
  readonly active_inbound_connections: number;
  readonly tracking_mode: string;
  readonly idle_timeout?: string;
  readonly idle_since?: string;
  readonly last_inbound_activity_at?: string;
  readonly next_standby_at?: string;
  readonly hold_until?: string;
  readonly countdown_remaining?: string;
}

export const STANDBY_STATUSES = [
  'unsupported',
  'disabled',
  'ineligible',
  'standby_requested',
  'error',
  'active',
  'idle_countdown',
  'ready_for_standby',
] as const;

export const STANDBY_REASONS = [
  'unsupported_platform',
  'policy_missing',
  'policy_disabled',
  'instance_not_running',
  'network_disabled',
  'missing_ip',
  'observer_error',
  'active_inbound_connections',
  'idle_timeout_not_elapsed',
  'ready_for_standby',
] as const;

/** What is known of traffic beside the log. */
export interface Traffic {
  /** Null where nothing watches traffic. */
  readonly observer: Pick<ObserverStatus, 'mode' | 'state' | 'error'> | null;
  /** Undefined while the instance is not tracked. */
  readonly connections: ConnectionsView | undefined;
}

/** What is tracked, and by which means. */
const TRACKING_MODES: Readonly<Record<ObserverStatus['mode'], string>> = {
  netlink: 'conntrack_events_v4_v6_tcp_udp',
  conntrack: 'conntrack_tool_v4_v6_tcp_udp',
  procfs: 'conntrack_table_v4_v6_tcp_udp',
  simulated: 'simulated',
};

type Verdict = Pick<AutoStandbyStatusView, 'status' | 'reason'>;
export type StandbySnapshot = Pick<ChartSnapshot, 'value' | 'context'>;

/** `now`: epoch ms. */
export function autoStandbyStatusView(snapshot: StandbySnapshot, traffic: Traffic, now: number): AutoStandbyStatusView {
  const { context } = snapshot;
  const policy = context.definition?.auto_standby ?? null;
  const { idle_since, last_activity_at } = context.standby;
  const held = heldUntil(context, now);
  const verdict = verdictOf(snapshot, traffic, now);
  const eligible = ELIGIBLE.includes(verdict.status);
  const isCounting = COUNTING.includes(verdict.status) && idle_since !== null;
  const due = isCounting ? idleDue(context, now) : null;
  return {
    supported: verdict.status !== 'unsupported',
    configured: policy !== null,
    enabled: policy?.enabled === true,
    eligible,
    ...verdict,
    active_inbound_connections: eligible ? (traffic.connections?.connections ?? 0) : 0,
    tracking_mode: traffic.observer === null ? 'none' : TRACKING_MODES[traffic.observer.mode],
    ...(policy?.idle_timeout_ms === undefined ? {} : { idle_timeout: formatDuration(policy.idle_timeout_ms) }),
    ...(isCounting ? { idle_since: toRfc3339(idle_since) } : {}),
    ...(eligible && last_activity_at !== null ? { last_inbound_activity_at: toRfc3339(last_activity_at) } : {}),
    ...(due === null ? {} : { next_standby_at: toRfc3339(due) }),
    // A hold that was placed on the way to sleep stands, although the guest is paused for another moment.
    ...(held === null ? {} : { hold_until: toRfc3339(held) }),
    ...(due === null ? {} : { countdown_remaining: formatDuration(Math.max(0, due - now)) }),
  };
}

const ELIGIBLE: readonly Verdict['status'][] = [
  'standby_requested',
  'error',
  'active',
  'idle_countdown',
  'ready_for_standby',
];
const COUNTING: readonly Verdict['status'][] = ['standby_requested', 'idle_countdown', 'ready_for_standby'];

/** The first that is so, in hypeman's order. A graphics card, which it knows beside these, no instance has. */
function verdictOf(snapshot: StandbySnapshot, { observer, connections }: Traffic, now: number): Verdict {
  const { value, context } = snapshot;
  const policy = context.definition?.auto_standby ?? null;
  const standby = stateOf(value, 'standby');
  if (observer === null || observer.state === 'unsupported') {
    return { status: 'unsupported', reason: 'unsupported_platform' };
  }
  if (policy === null) return { status: 'disabled', reason: 'policy_missing' };
  if (!policy.enabled) return { status: 'disabled', reason: 'policy_disabled' };
  if (publicStateOf(value) !== 'Running') return { status: 'ineligible', reason: 'instance_not_running' };
  const { network } = context.definition!;
  if (!network.enabled) return { status: 'ineligible', reason: 'network_disabled' };
  // A forwarded port of the host tells nobody who talks to the guest behind it.
  if (network.mode !== 'bridge' && observer.mode !== 'simulated') return { status: 'ineligible', reason: 'missing_ip' };
  if (REQUESTED.includes(standby)) return { status: 'standby_requested', reason: 'ready_for_standby' };
  if (observer.state === 'lost' || standby === 'blind') return { status: 'error', reason: 'observer_error' };
  if (connections !== undefined && connections.connections > 0) {
    return { status: 'active', reason: 'active_inbound_connections' };
  }
  if (standby === 'countdown' && idleDue(context, now) <= now) {
    return { status: 'ready_for_standby', reason: 'ready_for_standby' };
  }
  return { status: 'idle_countdown', reason: 'idle_timeout_not_elapsed' };
}

/** Its time has come: it waits for its turn, or the table is being read once more, or it is being put away. */
const REQUESTED = ['queued', 'confirming', 'requested'];
