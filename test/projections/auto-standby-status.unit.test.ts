/** Goal: the status of standby follows its decision table, row by row, the first that is so. Method: states built by hand. */
import { describe, expect, test } from 'vitest';
import { INITIAL_CONTEXT } from '../../machines/context.ts';
import type { Definition } from '../../machines/definition.ts';
import {
  autoStandbyStatusView,
  type StandbySnapshot,
  type Traffic,
} from '../../src/projections/auto-standby-status.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const MINUTE = 60_000;
const POLICY = { enabled: true, idle_timeout_ms: 10 * MINUTE };
const BRIDGE = { mode: 'bridge', enabled: true, ports: [], address: '10.77.0.2', mac: '02:53:0a:4d:00:02' } as const;
const SOMEBODY = { protocol: 'tcp', client: '192.0.2.7', client_port: 50_000, port: 80, state: 'ESTABLISHED' } as const;

interface Built {
  readonly lifecycle?: string;
  readonly standby?: string;
  readonly policy?: Definition['auto_standby'];
  readonly network?: Definition['network'];
  readonly idle_since?: number | null;
  readonly hold_until?: number | null;
  readonly observer?: Traffic['observer'];
  readonly connections?: number;
}

const IN_ORDER = { mode: 'netlink', state: 'in_order', error: null } as const;

function statusOf(built: Built) {
  const { lifecycle = 'running', standby = 'active', policy = POLICY, network = BRIDGE, observer = IN_ORDER } = built;
  const definition = { auto_standby: policy, network } as unknown as Definition;
  const { idle_since = null, hold_until = null, connections } = built;
  const context = {
    ...INITIAL_CONTEXT,
    definition,
    standby: { ...INITIAL_CONTEXT.standby, idle_since, hold_until, last_activity_at: NOW - 20 * MINUTE },
  };
  const value = { lifecycle, standby, restart: 'idle', health: 'disabled', expiry: 'none' };
  const listed = connections === undefined ? undefined : { connections, listed: connections > 0 ? [SOMEBODY] : [] };
  return autoStandbyStatusView(
    { value, context } as unknown as StandbySnapshot,
    { observer, connections: listed },
    NOW,
  );
}

const no = { supported: true, configured: true, enabled: true, eligible: false };
const yes = { ...no, eligible: true };
const counting = { standby: 'countdown', idle_since: NOW - 4 * MINUTE, connections: 0 };

const ROWS: readonly [rule: string, built: Built, shown: object][] = [
  [
    'nothing watches traffic',
    { observer: null, lifecycle: 'stopped' },
    {
      supported: false,
      configured: true,
      enabled: true,
      eligible: false,
      status: 'unsupported',
      reason: 'unsupported_platform',
    },
  ],
  [
    'nothing can watch traffic, and there is no policy',
    { observer: { mode: 'procfs', state: 'unsupported', error: 'no rights' }, policy: null },
    { supported: false, configured: false, enabled: false, status: 'unsupported', reason: 'unsupported_platform' },
  ],
  [
    'no policy',
    { policy: null, lifecycle: 'stopped' },
    { ...no, configured: false, enabled: false, status: 'disabled', reason: 'policy_missing' },
  ],
  [
    'a policy that is off',
    { policy: { enabled: false } },
    { ...no, enabled: false, status: 'disabled', reason: 'policy_disabled' },
  ],
  ...['preparing', 'booting', 'pausing', 'stopping', 'stopped', 'standby', 'lost'].map(
    (lifecycle): [string, Built, object] => [
      `it is ${lifecycle}`,
      { lifecycle, network: { enabled: false, ports: [] } },
      { ...no, status: 'ineligible', reason: 'instance_not_running' },
    ],
  ),
  [
    'no network',
    { network: { enabled: false, ports: [] } },
    { ...no, status: 'ineligible', reason: 'network_disabled' },
  ],
  [
    'no address of its own',
    { network: { enabled: true, ports: [] }, observer: { ...IN_ORDER, state: 'lost' } },
    { ...no, status: 'ineligible', reason: 'missing_ip' },
  ],
  ...['queued', 'confirming', 'requested'].map((standby): [string, Built, object] => [
    `standby is ${standby}, whatever the observer says`,
    { standby, observer: { ...IN_ORDER, state: 'lost' }, connections: 1 },
    { ...yes, status: 'standby_requested', reason: 'ready_for_standby' },
  ]),
  [
    'the observer has lost events, whatever was seen before',
    { observer: { ...IN_ORDER, state: 'lost', error: 'overrun' }, connections: 2 },
    { ...yes, status: 'error', reason: 'observer_error' },
  ],
  ['the chart knows nothing of traffic', { standby: 'blind' }, { ...yes, status: 'error', reason: 'observer_error' }],
  [
    'somebody talks to it',
    { ...counting, connections: 2 },
    { ...yes, status: 'active', reason: 'active_inbound_connections', active_inbound_connections: 2 },
  ],
  [
    'nobody talks to it, and the timeout has not passed',
    counting,
    { ...yes, status: 'idle_countdown', reason: 'idle_timeout_not_elapsed', countdown_remaining: '6m0s' },
  ],
  ['it is not tracked yet', {}, { ...yes, status: 'idle_countdown', reason: 'idle_timeout_not_elapsed' }],
  [
    'the timeout passes at this instant',
    { ...counting, idle_since: NOW - 10 * MINUTE },
    { ...yes, status: 'ready_for_standby', reason: 'ready_for_standby', countdown_remaining: '0s' },
  ],
  [
    'the timeout has long passed',
    { ...counting, idle_since: NOW - 60 * MINUTE },
    { ...yes, status: 'ready_for_standby', countdown_remaining: '0s' },
  ],
];

describe('the first row that is so decides:', () => {
  test.each(ROWS)('%s', (_rule, built, shown) => {
    expect(statusOf(built)).toMatchObject(shown);
  });
});

test('only a countdown shows when it began and when it ends', () => {
  const due = '2026-01-01T12:06:00.000Z';
  expect(statusOf(counting)).toMatchObject({ idle_since: '2026-01-01T11:56:00.000Z', next_standby_at: due });
  for (const status of [statusOf({}), statusOf({ ...counting, connections: 1 }), statusOf({ lifecycle: 'standby' })]) {
    expect(status).not.toHaveProperty('idle_since');
    expect(status).not.toHaveProperty('next_standby_at');
    expect(status).not.toHaveProperty('countdown_remaining');
  }
});

test('a hold puts the end of the countdown off, and is not shown once it has elapsed', () => {
  const until = NOW + 30 * MINUTE;
  const held = {
    hold_until: '2026-01-01T12:30:00.000Z',
    next_standby_at: '2026-01-01T12:30:00.000Z',
    countdown_remaining: '30m0s',
  };
  expect(statusOf({ ...counting, hold_until: until })).toMatchObject(held);
  expect(statusOf({ ...counting, hold_until: NOW })).not.toHaveProperty('hold_until');
});

test('who is not eligible has no connections, and shows none of its times', () => {
  const status = statusOf({ lifecycle: 'stopped', connections: 3, idle_since: NOW });
  expect(status.active_inbound_connections).toBe(0);
  expect(status).not.toHaveProperty('last_inbound_activity_at');
  expect(status.idle_timeout).toBe('10m0s');
});

test.each([
  ['netlink', 'conntrack_events_v4_v6_tcp_udp'],
  ['conntrack', 'conntrack_tool_v4_v6_tcp_udp'],
  ['procfs', 'conntrack_table_v4_v6_tcp_udp'],
  ['simulated', 'simulated'],
] as const)('a source of kind %s is told as %s', (mode, told) => {
  expect(statusOf({ observer: { ...IN_ORDER, mode } }).tracking_mode).toBe(told);
});

test('a simulated guest is tracked without an address of its own', () => {
  const network = { enabled: true, ports: [] };
  expect(statusOf({ network, observer: { ...IN_ORDER, mode: 'simulated' } }).eligible).toBe(true);
});
