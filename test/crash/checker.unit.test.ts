import { beforeAll, describe, expect, test } from 'vitest';
import type { InstanceRecord } from '../../machines/record.ts';
import { chainHash } from '../../src/actors/contracts/chain.ts';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import type { JournalLine } from '../../src/adapters/simulator/journal.ts';
import { check } from './checker.ts';
import { type Evidence, RULES, type Rule } from './evidence.ts';
import { startSmallWorld } from './small-world.ts';

/** A checker that finds nothing proves nothing: each of its rules is broken here on purpose, and must be named. */

let honest: Evidence;
let web: string;

/** Boots, two automatic restarts, a third end that is too many, a start, a stop and a start again. */
beforeAll(async () => {
  const small = await startSmallWorld();
  const { clock, world, command } = small;
  web = await small.create({ name: 'web' });
  const gone = await small.create({ name: 'gone' });
  await clock.advance(2_000);
  for (let life = 0; life < 3; life++) {
    await world.guestExit(web, 1);
    await clock.advance(10_000);
  }
  for (const type of ['start', 'stop', 'start'] as const) {
    await command(web, { type, by: 'test' });
    await clock.advance(10_000);
  }
  await command(gone, { type: 'delete', by: 'test' });
  await clock.advance(10_000);
  honest = await small.evidence();
});

function rulesBrokenBy(change: Partial<Evidence>): Set<Rule> {
  return new Set(check({ ...honest, ...change }).map(({ rule }) => rule));
}

/** The log with other records, hashed as an honest log would have. */
function logWith(change: (record: InstanceRecord) => InstanceRecord): LogEntry[] {
  const heads = new Map<string, string>();
  return honest.entries.map((entry) => {
    const bytes = JSON.stringify(change(JSON.parse(entry.bytes) as InstanceRecord));
    const prev_hash = heads.get(entry.stream) ?? '';
    const hash = chainHash(prev_hash, bytes);
    heads.set(entry.stream, hash);
    return { ...entry, bytes, prev_hash, hash };
  });
}

const records = (): InstanceRecord[] =>
  honest.entries.filter(({ stream }) => stream === web).map(({ bytes }) => JSON.parse(bytes) as InstanceRecord);
const isWeb = (line: JournalLine): boolean => 'instance' in line && line.instance === web;
const spawnsOfWeb = () => honest.journal.filter((line) => line.type === 'vmm.spawned').filter(isWeb);
const firstOf = (type: string): InstanceRecord => records().find(({ event }) => event.type === type)!;
const stopOfWeb = () => honest.acknowledged.find(({ verb }) => verb === 'stop')!;

/** One broken history for each rule; a rule without one fails the test. */
type Planted = Readonly<Record<string, () => Partial<Evidence>>>;

const PLANTED_LIVES: Planted = {
  boot_after_stop: () => {
    const stop = stopOfWeb();
    const before = spawnsOfWeb().find(({ run }) => run === 4)!;
    const late = { ...before, at: stop.answeredAt + 5_000 };
    return { journal: honest.journal.map((line) => (line === before ? late : line)) };
  },
  boot_asked_after_stop: () => ({
    entries: logWith((record) =>
      record.stream === web && record.version === firstOf('stop').version + 1
        ? { ...record, effects: [{ kind: 'vmm.boot', run: 5 }] }
        : record,
    ),
  }),
  two_vmms: () => ({ journal: honest.journal.filter((line) => !(line.type === 'vmm.ended' && isWeb(line))) }),
  run_spawned_twice: () => ({ journal: [...honest.journal, spawnsOfWeb()[1]!] }),
  spawn_not_recorded: () => ({
    journal: honest.journal.map((line) => (line === spawnsOfWeb()[1] ? { ...line, effect: `${web}/1/0` } : line)),
  }),
  run_asked_before_end: () => ({
    entries: logWith((record) => {
      if (record.stream !== web) return record;
      const { state } = record;
      return {
        ...record,
        facts: [],
        state: { ...state, context: { ...state.context, run: { ...state.context.run, ended: false } } },
      };
    }),
  }),
  ended_with_daemon: () => ({
    journal: honest.journal.map((line) => (line.type === 'vmm.ended' ? { ...line, by: 'world' } : line)),
  }),
  pid_differs: () => ({
    journal: honest.journal.map((line) => (line.type === 'vmm.spawned' ? { ...line, pid: line.pid + 1 } : line)),
  }),
};

const PLANTED_ATTEMPTS: Planted = {
  too_many_attempts: () => ({
    entries: logWith((record) => {
      const policy = record.definition?.restart_policy;
      if (policy === null || policy === undefined) return record;
      return { ...record, definition: { ...record.definition!, restart_policy: { ...policy, max_attempts: 1 } } };
    }),
  }),
  uncounted_attempt: () => ({
    entries: logWith((record) => ({
      ...record,
      facts: record.facts.filter(({ type }) => type !== 'restart.attempted'),
    })),
  }),
  automatic_while_held_back: () => ({
    entries: logWith((record) => {
      const { context } = record.state;
      return { ...record, state: { ...record.state, context: { ...context, host: { mode: 'maintenance' } } } };
    }),
  }),
  start_not_granted: () => ({
    entries: logWith((record) => ({ ...record, effects: record.effects.filter(({ kind }) => kind !== 'host.admit') })),
  }),
  window_closed_early: () => ({
    entries: logWith((record) =>
      record.facts.some(({ type }) => type === 'restart.attempted')
        ? { ...record, facts: [{ type: 'restart.reset', cause: 'stable' }, ...record.facts] }
        : record,
    ),
  }),
};

const PLANTED_RECORDS: Planted = {
  acknowledged_not_recorded: () => ({
    entries: honest.entries.slice(0, -1),
    acknowledged: [...honest.acknowledged, { ...stopOfWeb(), command: 'never-recorded' }],
  }),
  recorded_twice: () => ({
    entries: logWith((record) =>
      record.stream === web && record.version === 2 ? { ...record, cause: firstOf('create').cause } : record,
    ),
  }),
  refused_but_recorded: () => ({
    refused: [{ command: stopOfWeb().command, verb: 'stop', instance: web, code: 'invalid_state' }],
  }),
  version_gap: () => ({ entries: honest.entries.filter(({ stream, version }) => stream !== web || version !== 3) }),
  chain_broken: () => ({
    entries: honest.entries.map((entry) =>
      entry.stream === web && entry.version === 3 ? { ...entry, bytes: entry.bytes.replace('"at"', '"at" ') } : entry,
    ),
  }),
  view_differs: () => ({ views: new Map([[web, { ...(honest.views?.get(web) as object), state: 'Stopped' }]]) }),
  world_differs: () => ({ journal: honest.journal.filter((line) => line !== spawnsOfWeb().at(-1)) }),
};

const planted: Planted = { ...PLANTED_LIVES, ...PLANTED_ATTEMPTS, ...PLANTED_RECORDS };

describe('the checker of crash runs', () => {
  test('finds nothing in an honest history', () => {
    expect(check(honest)).toEqual([]);
    expect(spawnsOfWeb().map((line) => line.run)).toEqual([1, 2, 3, 4, 5]);
    expect(honest.acknowledged).toHaveLength(6);
  });

  test.each(Object.keys(RULES) as Rule[])('names a planted %s', (rule) => {
    expect(rulesBrokenBy(planted[rule]!())).toContain(rule);
  });

  test('a spawn that was on its way when the stop was acknowledged is no violation', () => {
    const stop = stopOfWeb();
    const before = spawnsOfWeb().find(({ run }) => run === 4)!;
    const onItsWay = { ...before, at: stop.answeredAt + 20 };
    const journal = honest.journal.map((line) => (line === before ? onItsWay : line));
    expect(rulesBrokenBy({ journal })).toEqual(new Set());
  });

  test('nor is a world that heard nobody for as long as that', () => {
    const stop = stopOfWeb();
    const before = spawnsOfWeb().find(({ run }) => run === 4)!;
    const journal = honest.journal.map((line) => (line === before ? { ...before, at: stop.answeredAt + 5_000 } : line));
    const deaf = { from: stop.answeredAt - 10, to: stop.answeredAt + 4_990 };
    expect(rulesBrokenBy({ journal, waits: [deaf] })).toEqual(new Set());
    const earlier = { from: stop.answeredAt - 5_000, to: stop.answeredAt - 10 };
    const tooShort = { ...deaf, to: deaf.to - 1_000 };
    for (const waits of [[earlier], [tooShort]]) {
      expect(rulesBrokenBy({ journal, waits })).toEqual(new Set(['boot_after_stop']));
    }
  });
});
