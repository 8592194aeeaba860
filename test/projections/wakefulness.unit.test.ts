/**
 * Goal: every millisecond of an instance is accounted for once, under what its records said at that moment. Method: random
 * lives told by records, against a second account that asks anew at each millisecond; and recorded histories.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Definition, definitionSchema } from '../../machines/definition.ts';
import type { Fact } from '../../machines/facts.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import {
  AWAKE_CAUSES,
  type RecordedState,
  WAKEFULNESS,
  type Wakefulness,
  wakefulnessFrom,
  whyAwake,
} from '../../machines/wakefulness.ts';
import { RowTable } from '../../src/projections/engine/row-table.ts';
import { createMetricRegistry } from '../../src/projections/metrics/metric-registry.ts';
import { registerWakefulnessMetrics } from '../../src/projections/metrics/wakefulness-metrics.ts';
import {
  type WakefulnessAccount,
  type WakefulnessView,
  wakefulnessProjection,
} from '../../src/projections/wakefulness.ts';
import { document } from '../documents/markdown.ts';
import { recordedHistories } from '../histories/recorded.ts';

const HISTORIES = recordedHistories(1);
const CREATED = HISTORIES[0]!.records[0]!;
const IDLE_TIMEOUT_MS = 40;
const DEFINITION: Definition = definitionSchema.parse({
  ...CREATED.definition!,
  auto_standby: { enabled: true, idle_timeout_ms: IDLE_TIMEOUT_MS },
});

const RUNNING = { lifecycle: { running: 'steady' } };
const ASLEEP = { lifecycle: 'standby', standby: 'ineligible' };

type Standby = Partial<InstanceRecord['state']['context']['standby']>;
interface Told {
  readonly at: number;
  readonly value: object;
  readonly standby?: Standby;
  readonly event?: string;
  readonly facts?: readonly Fact[];
}

function recordOf({ at, value, standby = {}, event = 'vmm.found', facts = [] }: Told, index: number): InstanceRecord {
  const { context } = CREATED.state;
  return {
    ...CREATED,
    version: index + 1,
    at,
    event: { type: event, at } as never,
    facts,
    state: {
      timers: [],
      value: value as never,
      context: { ...context, standby: { ...context.standby, ...standby } },
    },
  };
}

interface Kept {
  readonly account: WakefulnessAccount;
  readonly take: (told: Told) => void;
}

function keeping(): Kept {
  const table = new RowTable(wakefulnessProjection, true);
  const account = wakefulnessProjection.publish(table);
  let count = 0;
  return {
    account,
    take: (told) => {
      const record = recordOf(told, count++);
      table.take({ record, definition: DEFINITION, position: String(count).padStart(6, '0') }, (error) => {
        throw error;
      });
    },
  };
}

function accountOf(life: readonly Told[], now: number): WakefulnessView {
  const { account, take } = keeping();
  life.forEach(take);
  return account.of(CREATED.stream, now)!;
}

function everything({ asleep_ms, down_ms, unknown_ms, awake_by_cause_ms }: WakefulnessView): Record<string, number> {
  return { asleep: asleep_ms, down: down_ms, unknown: unknown_ms, ...awake_by_cause_ms };
}

const SITUATIONS = [
  ASLEEP,
  { lifecycle: 'stopped', restart: 'idle' },
  { lifecycle: 'lost' },
  { lifecycle: { booting: 'spawning' } },
  ...['disabled', 'ineligible', 'active', 'blind', 'queued', 'confirming', 'countdown'].map((standby) => ({
    ...RUNNING,
    standby,
  })),
];

const told = fc.record({
  after: fc.integer({ min: 0, max: 60 }),
  value: fc.constantFrom(...SITUATIONS),
  idleFor: fc.integer({ min: 0, max: 30 }),
  heldFor: fc.option(fc.integer({ min: -20, max: 120 })),
});

describe('the account', () => {
  test('names what ended last while a guest whose time has come is not asleep yet, as whoever asks then is told', () => {
    const isTold = (heldForMs: number): readonly unknown[] => {
      const standby = { idle_since: 0, hold_until: heldForMs };
      const life: Told = { at: 0, value: { ...RUNNING, standby: 'countdown' }, standby };
      const now = 2 * IDLE_TIMEOUT_MS;
      return [accountOf([life], now).awake_because, whyAwake(recordOf(life, 0).state, DEFINITION, now)];
    };
    expect(isTold(IDLE_TIMEOUT_MS + 1)).toEqual(['hold', 'hold']);
    expect(isTold(IDLE_TIMEOUT_MS - 1)).toEqual(['countdown', 'countdown']);
  });

  test('is that of whoever asks at each millisecond what is so then', () => {
    fc.assert(
      fc.property(fc.array(told, { minLength: 1, maxLength: 12 }), fc.nat(200), (steps, later) => {
        let at = 0;
        const life = steps.map(({ after, value, idleFor, heldFor }): Told => {
          at += after;
          return {
            at,
            value,
            standby: { idle_since: at - idleFor, hold_until: heldFor === null ? null : at + heldFor },
          };
        });
        const counted: Record<string, number> = {};
        for (let ms = life[0]!.at; ms < at + later; ms++) {
          const last = life.findLast((record) => record.at <= ms)!;
          const is = asked(recordOf(last, 0).state, last.at, ms);
          counted[is] = (counted[is] ?? 0) + 1;
        }
        const account = everything(accountOf(life, at + later));
        for (const is of WAKEFULNESS) expect(account[is] ?? 0, is).toBe(counted[is] ?? 0);
      }),
      { numRuns: 300 },
    );
  });

  test('comes to the age of what is kept of an instance, in every recorded history and at any moment', () => {
    for (const { name, records } of HISTORIES) {
      const table = new RowTable(wakefulnessProjection, true);
      const account = wakefulnessProjection.publish(table);
      let definition: Definition | undefined;
      for (const record of records) {
        definition = record.definition ?? definition;
        table.take({ record, definition: definition!, position: String(record.version).padStart(9, '0') }, (error) => {
          throw error;
        });
        const now = record.at + 1_234;
        const view = account.of(record.stream, now);
        if (view === undefined) continue;
        const sum = Object.values(everything(view)).reduce((total, ms) => total + ms, 0);
        expect(sum, `${name} v${record.version}`).toBe(now - records[0]!.at);
        expect(view.awake_ms).toBe(sum - view.asleep_ms - view.down_ms - view.unknown_ms);
      }
    }
  });

  test('gives an idle edge that was told late its true instant', () => {
    const life = [
      { at: 0, value: { ...RUNNING, standby: 'active' } },
      { at: 100, value: { ...RUNNING, standby: 'countdown' }, event: 'traffic.idle', standby: { idle_since: 70 } },
    ];
    expect(accountOf(life, 105).awake_by_cause_ms).toEqual({ connection: 70, countdown: 35 });
  });

  test('of a guest to which a snapshot is brought back sleeps on, unless it did not sleep before', () => {
    const life = (asleep_since: number | null) => [
      { at: 0, value: ASLEEP },
      { at: 100, value: { lifecycle: 'reverting', standby: 'ineligible' }, standby: { asleep_since } },
    ];
    expect(everything(accountOf(life(0), 150))).toEqual({ asleep: 150, down: 0, unknown: 0 });
    expect(everything(accountOf(life(null), 150))).toEqual({ asleep: 100, down: 50, unknown: 0 });
  });

  test('ends a run where it ended and not where that was found out, but never before the record before', () => {
    const ended = (at: number | null): Fact => {
      return {
        type: 'instance.ended',
        run: 1,
        planned: false,
        reason: 'host_reboot',
        code: null,
        message: null,
        ended_at: at,
      };
    };
    const life = (at: number | null): Told[] => [
      { at: 0, value: { ...RUNNING, standby: 'disabled' } },
      { at: 50, value: { lifecycle: 'lost' } },
      { at: 100, value: { lifecycle: 'failed', restart: 'idle' }, facts: [ended(at)] },
    ];
    expect(everything(accountOf(life(80), 100))).toEqual({ no_policy: 50, unknown: 30, down: 20, asleep: 0 });
    expect(everything(accountOf(life(20), 100))).toEqual({ no_policy: 50, unknown: 0, down: 50, asleep: 0 });
    expect(everything(accountOf(life(null), 100))).toEqual({ no_policy: 50, unknown: 50, down: 0, asleep: 0 });
  });

  test('counts a hold from where the idle timeout has passed', () => {
    const life = [
      { at: 0, value: { ...RUNNING, standby: 'countdown' }, standby: { idle_since: 0, hold_until: 100 } },
      { at: 100, value: ASLEEP },
    ];
    expect(accountOf(life, 130)).toMatchObject({
      is: 'asleep',
      awake_by_cause_ms: { countdown: IDLE_TIMEOUT_MS, hold: 60 },
      asleep_ms: 30,
    });
    expect(accountOf(life.slice(0, 1), 39)).toMatchObject({ is: 'awake', awake_because: 'countdown' });
    expect(accountOf(life.slice(0, 1), 41)).toMatchObject({ is: 'awake', awake_because: 'hold' });
  });

  test('takes nothing back when the wall clock is set back', () => {
    const life = [
      { at: 0, value: { ...RUNNING, standby: 'active' } },
      { at: 1_000, value: ASLEEP },
    ];
    expect(everything(accountOf(life, 400))).toEqual({ connection: 1_000, asleep: 0, down: 0, unknown: 0 });
  });
});

test('every cause stands in the reference, and none besides', () => {
  const [, causes = ''] = document('docs/reference/wakefulness.md').split('## What keeps an instance awake');
  const told = causes.split('## ')[0]!.matchAll(/^\| `([a-z_]+)` \|/gm);
  expect([...told].map(([, cause]) => cause)).toEqual([...AWAKE_CAUSES]);
});

/** What a record that is the newest one says of a later instant. */
function asked(state: RecordedState, at: number, now: number): Wakefulness {
  return wakefulnessFrom(state, DEFINITION, at).findLast(({ from }) => from <= now)!.is;
}

describe('in metrics', () => {
  test('the time of all instances is a counter of the process: it begins at 0, outlasts a deletion and never goes back', async () => {
    const { account, take } = keeping();
    let now = 500;
    const registry = createMetricRegistry((name, error) => {
      throw new Error(name, { cause: error });
    });
    registerWakefulnessMetrics(registry, account, () => now);
    const read = async (metric: string): Promise<Record<string, number>> => {
      const lines = (await registry.text()).split('\n').filter((line) => line.startsWith(`statevisor_${metric}{`));
      const values = lines.map((line): [string, number] => {
        const [, state, cause, value] = /state="(.*)",cause="(.*)"} (.*)/.exec(line)!;
        return [state === 'awake' ? cause! : state!, Number(value)];
      });
      return Object.fromEntries(values.filter(([, value]) => value > 0));
    };
    take({ at: 0, value: { ...RUNNING, standby: 'active' } });
    expect(await read('wakefulness_seconds_total')).toEqual({});
    expect(await read('instances_by_wakefulness')).toEqual({ connection: 1 });
    now = 1_500;
    expect(await read('wakefulness_seconds_total')).toEqual({ connection: 1 });
    take({
      at: 1_500,
      value: { ...RUNNING, standby: 'countdown' },
      event: 'traffic.idle',
      standby: { idle_since: 900 },
    });
    expect(await read('wakefulness_seconds_total')).toEqual({ connection: 1, countdown: 0.6 });
    take({ at: 2_500, value: ASLEEP });
    take({ at: 4_500, value: { lifecycle: 'deleted' } });
    now = 9_000;
    expect(await read('wakefulness_seconds_total')).toEqual({ connection: 1, countdown: 1.6, asleep: 2 });
    expect(await read('instances_by_wakefulness')).toEqual({});
  });

  test('nothing is said until the history has been read', async () => {
    const account = wakefulnessProjection.publish(new RowTable(wakefulnessProjection, false));
    const registry = createMetricRegistry(() => {});
    registerWakefulnessMetrics(registry, account, () => 0);
    expect(await registry.text()).not.toMatch(/^statevisor_.*\{/m);
  });
});
