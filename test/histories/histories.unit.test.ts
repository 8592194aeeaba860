/**
 * Goal: what any version of the chart has left behind stays readable and can be taken over. Method: recorded streams,
 * exact bytes, are checked, replayed through the chart and loaded by a fresh runtime, one head after the other.
 *
 * `STATEVISOR_KEEP_HISTORIES=1` writes the histories of the present chart version that are missing, and no others.
 */
import { describe, expect, test } from 'vitest';
import { CHART_VERSION } from '../../machines/chart.ts';
import { definitionSchema } from '../../machines/definition.ts';
import { effectSchema } from '../../machines/effects.ts';
import {
  commandSchema,
  effectResultSchema,
  observationSchema,
  timerEventSchema,
  upgradeEventSchema,
} from '../../machines/events.ts';
import { factSchema } from '../../machines/facts.ts';
import { migrate, upgradeStep } from '../../machines/migrate.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { recordSchema } from '../../machines/record.ts';
import { EMPTY_SNAPSHOT, fromStateData, step } from '../../machines/step.ts';
import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import { chainHash } from '../../src/actors/contracts/chain.ts';
import type { Log, Token } from '../../src/actors/contracts/log.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { CHART, type Head, headAfter, isRestatementDue, nextRecord } from '../../src/actors/records.ts';
import type { Supervisor } from '../../src/actors/supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { scriptedActivity } from '../actors/scripted-activity.ts';
import { OPERATOR, simulatedHost } from '../actors/simulated-host.ts';
import {
  keepHistory,
  type RecordedEntry,
  type RecordedHistory,
  recordedHistories,
  recordedVersions,
} from './recorded.ts';
import { SCENES } from './scenes.ts';

const eventSchema = commandSchema
  .or(observationSchema)
  .or(effectResultSchema)
  .or(timerEventSchema)
  .or(upgradeEventSchema);

const HOUR_MS = 3_600_000;
const MIXED_MAX = 1_000;
/** Timers that are a promise about an instant, and no mere limit to an operation. */
const KEPT_PROMISES: readonly string[] = ['timer.backoff', 'timer.stable', 'timer.expiry', 'timer.idle'];

async function play(name: string): Promise<RecordedEntry[]> {
  const host = await simulatedHost();
  const id = await SCENES[name]!(host);
  const entries: RecordedEntry[] = [];
  for await (const entry of host.log.read(id)) entries.push(entry);
  await host.supervisor.close();
  return entries;
}

if (process.env.STATEVISOR_KEEP_HISTORIES === '1') {
  const kept = recordedVersions().includes(CHART_VERSION) ? recordedHistories(CHART_VERSION) : [];
  for (const name of Object.keys(SCENES)) {
    if (!kept.some((history) => history.name === name)) keepHistory(name, CHART_VERSION, await play(name));
  }
}

const histories = recordedVersions().flatMap(recordedHistories);
const ofThisChart = histories.filter(({ version }) => version === CHART_VERSION);
const labelled = (some: readonly RecordedHistory[]): [string, RecordedHistory][] =>
  some.map((history) => [`${history.name} (chart ${history.version})`, history]);

test('every version of the chart has left histories behind, and this one has every scene', () => {
  expect(recordedVersions()).toEqual(Array.from({ length: CHART_VERSION }, (_, index) => index + 1));
  expect(ofThisChart.map(({ name }) => name).sort()).toEqual(Object.keys(SCENES).sort());
});

test('together they pass through every state of the lifecycle that a user can meet', () => {
  const met = new Set(histories.flatMap(({ records }) => records.map(({ state }) => lifecycleOf(state.value))));
  const passed = ['preparing', 'stopped', 'booting', 'running', 'pausing', 'snapshotting', 'standby', 'restoring'];
  expect([...met]).toEqual(expect.arrayContaining([...passed, 'stopping', 'failed', 'lost', 'deleting', 'deleted']));
});

test('a history that was kept is never written again', () => {
  const { name, version, entries } = ofThisChart[0]!;
  expect(() => keepHistory(name, version, entries)).toThrow('EEXIST');
});

describe.each(labelled(histories))('%s', (_label, { entries, records }) => {
  test('the chain holds, and a changed record would be noticed', () => {
    expect(brokenLinks(entries)).toEqual([]);
    const changed = entries.map((entry, index) =>
      index === 0 ? { ...entry, bytes: entry.bytes.replace('"version":1', '"version":7') } : entry,
    );
    expect(brokenLinks(changed)).toEqual([1]);
  });

  test('versions have no gap, time never goes back, and every part is what its schema says', () => {
    records.forEach((record, index) => {
      expect(record.version).toBe(index + 1);
      expect(record.at).toBeGreaterThanOrEqual(records[index - 1]?.at ?? 0);
      const understood = { ...record, state: migrate(record.state, record.chart.version) };
      expect(recordSchema.parse(understood)).toEqual(understood);
      expect(eventSchema.parse(record.event)).toEqual(record.event);
      for (const fact of record.facts) expect(factSchema.parse(fact)).toEqual(fact);
      for (const effect of record.effects) expect(effectSchema.parse(effect)).toEqual(effect);
      expect(definitionSchema.safeParse(definitionOf(records, record)).success).toBe(true);
    });
  });
});

describe.each(labelled(ofThisChart))('%s, replayed', (_label, { records }) => {
  test('the chart decides today what it decided then', () => {
    records.forEach((record, index) => {
      expect(decidedToday(records, index), `version ${record.version}`).toEqual({ ...record, chart: CHART });
    });
  });
});

test('a chart that decides otherwise would be noticed', () => {
  const { records } = ofThisChart.find(({ name }) => name === 'crashes-until-blocked')!;
  const lenient = { ...definitionOf(records, records[0]!)!, restart_policy: null };
  const [first, ...later] = records;
  const others = [{ ...first!, definition: lenient, event: { ...first!.event, definition: lenient } }, ...later];
  const differing = others.filter((record, index) => {
    const decided = JSON.stringify(decidedToday(others as InstanceRecord[], index).facts);
    return decided !== JSON.stringify(record.facts);
  });
  expect(differing.length).toBeGreaterThan(0);
});

describe.each(labelled(histories))('%s, taken over', (_label, { entries, records }) => {
  test('at each of its records: a runtime that finds this head loads it and takes a stop', async () => {
    for (let length = 1; length <= entries.length; length++) {
      const outcome = await stopAfter(entries.slice(0, length), records[length - 1]!);
      const gone = lifecycleOf(records[length - 1]!.state.value) === 'deleted';
      expect(outcome, `version ${length}`).toBe(gone ? 'not_found' : 'stop');
    }
  });
});

function lifecycleOf(value: InstanceRecord['state']['value']): string {
  const { lifecycle } = value as { lifecycle: string | Record<string, unknown> };
  return typeof lifecycle === 'string' ? lifecycle : Object.keys(lifecycle)[0]!;
}

/** Versions of the entries whose link does not hold. */
function brokenLinks(entries: readonly RecordedEntry[]): number[] {
  return entries.flatMap(({ prev_hash, hash, bytes }, index) => {
    const holds = prev_hash === (entries[index - 1]?.hash ?? '') && hash === chainHash(prev_hash, bytes);
    return holds ? [] : [index + 1];
  });
}

function definitionOf(records: readonly InstanceRecord[], { definition_at }: InstanceRecord) {
  return records[definition_at - 1]?.definition ?? null;
}

/** The record that the chart makes today of the recorded state before it and its recorded event. */
function decidedToday(records: readonly InstanceRecord[], index: number): InstanceRecord {
  const { id, event, cause } = records[index]!;
  const head = headBefore(records, index);
  const upgrade = event.type === 'chart.upgraded';
  const decided = upgrade ? upgradeStep(head.snapshot, head.timers) : step(head.snapshot, event);
  const again = nextRecord(head, decided, { id, event, cause, restate: isRestatementDue(head, decided) });
  return JSON.parse(JSON.stringify(again)) as InstanceRecord;
}

function headBefore(records: readonly InstanceRecord[], index: number): Head {
  const before = records[index - 1];
  if (before !== undefined) {
    const state = migrate(before.state, before.chart.version);
    return headAfter({ ...before, state }, fromStateData(state, definitionOf(records, before)));
  }
  const { stream } = records[0]!;
  return { stream, version: 0, at: 0, snapshot: EMPTY_SNAPSHOT, timers: [], definitionAt: 0 };
}

const older = labelled(histories.filter(({ version }) => version < CHART_VERSION));

describe.each(older)('%s, upgraded', (_label, { entries, records }) => {
  test('at each of its records: the upgrade comes first, and every timer is armed again for its instant', async () => {
    for (let length = 1; length <= entries.length; length++) {
      const head = records[length - 1]!;
      if (lifecycleOf(head.state.value) === 'deleted') continue;
      const { supervisor } = await takeOver(entries.slice(0, length), head);
      await supervisor.quiet();
      const [upgraded] = await supervisor.history(head.stream, length + 1, 1);
      await supervisor.close();
      expect(upgraded).toMatchObject({
        event: { type: 'chart.upgraded', from: head.chart.version, to: CHART_VERSION },
        facts: [],
        effects: [],
        state: { value: migrate(head.state, head.chart.version).value, context: head.state.context },
        chart: CHART,
      });
      const again = head.state.timers.map(({ name, due }) => ({ name, due }));
      expect(upgraded!.timers).toEqual({ armed: again, cancelled: [] });
      expect(upgraded!.state.timers).toEqual(again.map((timer) => ({ ...timer, armed: length + 1 })));
    }
  });

  test('it goes on, and the stream of both charts replays record by record', async () => {
    const head = records.findLast(({ state }) => lifecycleOf(state.value) !== 'deleted')!;
    const { supervisor, clock } = await takeOver(entries.slice(0, head.version), head);
    await clock.advance(HOUR_MS);
    await supervisor.command(head.stream, { type: 'stop', by: OPERATOR.actor }, OPERATOR).catch(() => {});
    await clock.advance(HOUR_MS);
    const mixed = await supervisor.history(head.stream, 1, MIXED_MAX);
    await supervisor.close();
    expect(mixed.length).toBeGreaterThan(head.version + 1);
    for (let index = head.version; index < mixed.length; index++) {
      expect(decidedToday(mixed, index), `version ${index + 1}`).toEqual(mixed[index]);
    }
  });

  test('a crash right after the upgrade changes nothing about it', async () => {
    const head = records.findLast(({ state }) => lifecycleOf(state.value) !== 'deleted')!;
    const first = await takeOver(entries.slice(0, head.version), head);
    await first.supervisor.quiet();
    await first.supervisor.close();
    const next = await takeOver([], head, { log: first.log });
    await next.supervisor.quiet();
    const after = await next.supervisor.history(head.stream, head.version + 1, MIXED_MAX);
    await next.supervisor.close();
    expect(after.filter(({ event }) => event.type === 'chart.upgraded')).toHaveLength(1);
  });
});

/** Waiting for a moment that an older chart has named. */
const waiting = older.flatMap(([label, { entries, records }]) =>
  records.flatMap((head) => {
    const timer = head.state.timers.find(({ name }) => KEPT_PROMISES.includes(name));
    return timer === undefined
      ? []
      : [[`${label}, version ${head.version}: ${timer.name}`, timer, head, entries] as const];
  }),
);

test('the older histories hold a pending timer of every kind that keeps a promise', () => {
  expect([...new Set(waiting.map(([, { name }]) => name))].sort()).toEqual([...KEPT_PROMISES].sort());
});

test.each(waiting)('%s fires at its recorded instant', async (_label, timer, head, entries) => {
  const { supervisor, clock } = await takeOver(entries.slice(0, head.version), head, { alive: true });
  await clock.advance(Math.max(0, timer.due - head.at));
  const after = await supervisor.history(head.stream, head.version + 1, MIXED_MAX);
  await supervisor.close();
  expect(after.find(({ event }) => event.type === timer.name)?.at).toBe(timer.due);
});

/** Type of the event that the runtime recorded for a stop, or the code it refused it with. */
async function stopAfter(entries: readonly RecordedEntry[], head: InstanceRecord): Promise<string> {
  const { supervisor } = await takeOver(entries, head);
  const outcome = await supervisor.command(head.stream, { type: 'stop', by: OPERATOR.actor }, OPERATOR).then(
    ({ record }) => record.event.type,
    (error: { code?: string }) => error.code ?? String(error),
  );
  await supervisor.close();
  return outcome;
}

interface TakenOver {
  readonly supervisor: Supervisor;
  readonly clock: SimulatedClock;
  readonly log: Log;
}

/** A runtime of today on a log that ends with this head, at the moment of its record; `alive`: its VM lives, too. */
async function takeOver(
  entries: readonly RecordedEntry[],
  head: InstanceRecord,
  { log = createMemoryLog(), alive = false }: { log?: Log; alive?: boolean } = {},
): Promise<TakenOver> {
  const clock = new SimulatedClock(head.at);
  const random = seededRandom(head.version, clock);
  let token: Token | null = null;
  for (const { bytes } of entries) {
    const result = await log.append(head.stream, token, bytes);
    if (result.kind !== 'appended') throw new Error(`The log answered ${result.kind}.`);
    token = result.token;
  }
  const simulator = createSimulator({ world: createWorld({ clock, random }), clock });
  const adopt = async () => ({ reality: 'running', ready: true }) as const;
  const hypervisor = alive ? { ...simulator, adopt } : simulator;
  // Somebody watches, and sees nothing that would end a countdown.
  const nobody = scriptedActivity();
  const activity = alive
    ? { ...nobody, status: () => ({ ...nobody.status(), mode: 'simulated' }) as const }
    : undefined;
  const clockLookMs = Number.POSITIVE_INFINITY;
  const supervisor = await createSupervisor({ log, hypervisor, clock, random, clockLookMs, activity });
  return { supervisor, clock, log };
}
