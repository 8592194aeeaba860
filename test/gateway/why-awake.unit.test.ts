/**
 * Goal: the status, the reason that it gives for being awake, and what the inspector says of the present never contradict
 * each other. Method: every state in the recorded histories, under whatever may be seen of its traffic by now.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import type { AutoStandby } from '../../machines/policies.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { type AwakeCause, isAwake, wakefulnessFrom } from '../../machines/wakefulness.ts';
import type { ActivityReading, ActivityView, ObserverStatus } from '../../src/actors/contracts/activity.ts';
import type { ShownRecord } from '../../src/gateway/inspector/model/record-window.ts';
import { sleepMoment } from '../../src/gateway/inspector/model/sleep-words.ts';
import type { UseCaseOptions } from '../../src/gateway/use-cases/contract.ts';
import { type StandbyReport, standbyReport } from '../../src/gateway/use-cases/standby-status.ts';
import { AWAKE_WORDS } from '../../src/projections/words/wakefulness-words.ts';
import { recordedHistories, recordedVersions } from '../histories/recorded.ts';

interface Known {
  readonly name: string;
  readonly record: InstanceRecord;
  readonly definition: Definition;
}

/** With the fourth chart came what is shown of standby. */
const KNOWN: readonly Known[] = recordedVersions()
  .filter((version) => version >= 4)
  .flatMap(recordedHistories)
  .flatMap(({ name, records }) => {
    let definition: Definition | undefined;
    return records.flatMap((record): Known[] => {
      definition = record.definition ?? definition;
      return definition === undefined ? [] : [{ name: `${name} v${record.version}`, record, definition }];
    });
  });

const IDLE_TIMEOUT_MS = 600_000;
const POLICIES: readonly (AutoStandby | null)[] = [
  null,
  { enabled: false },
  { enabled: true, idle_timeout_ms: IDLE_TIMEOUT_MS },
];
const NETWORKS: readonly Definition['network'][] = [
  { enabled: true, mode: 'bridge', ports: [], address: '10.77.0.2', mac: '02:53:0a:4d:00:02' },
  { enabled: true, ports: [] } as unknown as Definition['network'],
];
/** Whatever the chart was told so far: nobody, somebody, nothing. */
const TOLD = ['active', 'countdown', 'blind', 'queued', 'confirming', 'requested'] as const;

const observers: fc.Arbitrary<ObserverStatus | null> = fc.option(
  fc
    .record({
      mode: fc.constantFrom('netlink' as const, 'simulated' as const),
      state: fc.constantFrom('in_order' as const, 'lost' as const, 'unsupported' as const),
    })
    .map(({ mode, state }) => ({
      mode,
      state,
      error: state === 'in_order' ? null : 'events were lost',
      ...{ entries: 0, events: 0, losses: 0, garbage: 0, resyncs: 0, dumps: 1, last_dump_ms: 1, last_dump_at: 0 },
    })),
);

const seen = fc.record({
  observer: observers,
  connections: fc.option(fc.integer({ min: 0, max: 3 })),
  policy: fc.constantFrom(...POLICIES),
  network: fc.constantFrom(...NETWORKS),
  told: fc.option(fc.constantFrom(...TOLD)),
  idleForMs: fc.option(fc.integer({ min: 0, max: 2 * IDLE_TIMEOUT_MS })),
  heldForMs: fc.option(fc.integer({ min: -IDLE_TIMEOUT_MS, max: IDLE_TIMEOUT_MS })),
  laterMs: fc.integer({ min: 0, max: IDLE_TIMEOUT_MS }),
});

type Seen = typeof seen extends fc.Arbitrary<infer T> ? T : never;

interface Shown {
  readonly report: StandbyReport;
  readonly record: ShownRecord;
  /** What the account of wakefulness says of this instant. */
  readonly accounted: string;
}

function shownOf({ record, definition }: Known, what: Seen): Shown {
  const now = record.at + what.laterMs;
  const { value, context } = record.state;
  const idle_since = what.idleForMs === null ? null : record.at - what.idleForMs;
  const hold_until = what.heldForMs === null ? null : now + what.heldForMs;
  const told = what.told === null ? {} : { standby: what.told };
  const policies = { ...definition, auto_standby: what.policy, network: what.network };
  const state = {
    ...record.state,
    value: { ...(value as object), ...told },
    context: { ...context, standby: { ...context.standby, idle_since, hold_until } },
  };
  const snapshot = { value: state.value, context: { ...state.context, definition: policies } };
  const { connections } = what;
  const reading: ActivityReading | null =
    connections === null ? null : { observer: 'in_order', connections, since: record.at };
  const activity: ActivityView = {
    observer: what.observer,
    standbyReadings: () => ({ reading, connections: undefined }),
  };
  const options = { clock: { now: () => now }, supervisor: { activity: () => activity } } as unknown as UseCaseOptions;
  return {
    report: standbyReport(options, record.stream, snapshot as never),
    record: { ...record, state } as ShownRecord,
    accounted: wakefulnessFrom(state as never, policies, record.at).findLast(({ from }) => from <= now)!.is,
  };
}

/** Reasons that each status leaves; those that traffic has no part in stand beside any. */
const WHATEVER_TRAFFIC: readonly (AwakeCause | null)[] = [
  null,
  'no_policy',
  'ineligible',
  'held_back',
  'under_way',
  'queued',
];
const BECAUSE: Readonly<Record<StandbyReport['status'], readonly AwakeCause[]>> = {
  unsupported: ['observer_blind'],
  disabled: ['observer_blind', 'connection', 'countdown', 'hold'],
  ineligible: ['observer_blind'],
  standby_requested: [],
  error: ['observer_blind'],
  active: ['connection'],
  idle_countdown: ['countdown', 'hold'],
  // Whichever of them ended last.
  ready_for_standby: ['countdown', 'hold'],
};

function property(check: (shown: Shown, name: string) => void): void {
  fc.assert(
    fc.property(fc.constantFrom(...KNOWN), seen, (known, what) => check(shownOf(known, what), known.name)),
    { numRuns: 3_000 },
  );
}

test('the reason for being awake is one that the status leaves', () => {
  property(({ report: { status, why_awake } }) => {
    expect({ status, why_awake, fits: [...WHATEVER_TRAFFIC, ...BECAUSE[status]] }).toMatchObject({
      fits: expect.arrayContaining([why_awake]),
    });
  });
});

test('there is a reason exactly for what is awake by the account, and it is that one, but for what is seen of traffic', () => {
  property(({ report: { status, why_awake }, accounted }) => {
    const awake = isAwake(accounted as AwakeCause);
    expect(why_awake !== null).toBe(awake);
    if (!awake || BECAUSE[status].includes(why_awake!)) return;
    expect(why_awake).toBe(accounted);
  });
});

test('the inspector says of the present what the status says', () => {
  property(({ report, record }) => {
    const { sentence } = sleepMoment(record, report);
    const { why_awake, active_inbound_connections: open } = report;
    if (why_awake === null) expect(sentence).not.toMatch(/^Awake/);
    else if (why_awake === 'connection' && open > 0) expect(sentence).toMatch(/^Awake: .* open\.$/);
    else expect(sentence.startsWith(`Awake: ${AWAKE_WORDS[why_awake]}`)).toBe(true);
  });
});

test('no connection is shown where nobody can know of one, nor a countdown while somebody talks to it', () => {
  property(({ report }) => {
    if (!report.eligible) expect(report.active_inbound_connections).toBe(0);
    if (report.status === 'active') expect(report).not.toHaveProperty('next_standby_at');
    if (report.next_standby_at !== undefined) expect(report.countdown_remaining).toBeDefined();
  });
});
