/** Goal: each read model says what records say. Method: recorded histories, whose stories are known, folded one by one. */
import { describe, expect, test } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { type DurationsRow, durationsProjection } from '../../src/projections/durations.ts';
import type { Projection } from '../../src/projections/engine/projection.ts';
import { RowTable } from '../../src/projections/engine/row-table.ts';
import { createInstances } from '../../src/projections/instances.ts';
import { TIMELINE_MAX, timelineProjection } from '../../src/projections/timeline.ts';
import { totalsProjection } from '../../src/projections/totals.ts';
import { recordedHistories } from '../histories/recorded.ts';

const HISTORIES = new Map(recordedHistories(1).map(({ name, records }) => [name, records]));

function recordsOf(history: string): readonly InstanceRecord[] {
  const records = HISTORIES.get(history);
  if (records === undefined) throw new Error(`There is no history ${history}.`);
  return records;
}

/** Folds records into a table of their own and answers what is published of it. */
function folded<Row extends object, View>(
  projection: Projection<Row, View>,
  records: readonly InstanceRecord[],
): { view: View; table: RowTable<Row> } {
  const table = new RowTable(projection, true);
  let definition: Definition | undefined;
  records.forEach((record, index) => {
    definition = record.definition ?? definition;
    const position = String(index + 1).padStart(16, '0');
    table.take({ record, definition: definition!, position }, (error) => {
      throw error;
    });
  });
  return { view: projection.publish(table), table };
}

describe('durations', () => {
  const records = recordsOf('stops');
  const id = records[0]!.stream;
  const end = records.at(-1)!.at;

  test('of all states together are the age of the instance, at any moment', () => {
    for (let count = 1; count <= records.length; count++) {
      const { view } = folded(durationsProjection, records.slice(0, count));
      for (const later of [0, 1, 86_400_000]) {
        const now = records[count - 1]!.at + later;
        const spent = Object.values(view.fieldsOf(id, now)!.phase_durations_ms);
        expect(spent.reduce((sum, ms) => sum + ms, 0)).toBe(now - records[0]!.at);
        expect(spent.every((ms) => ms >= 0)).toBe(true);
      }
    }
  });

  test('name the present state and when it began, in lower case', () => {
    const { view } = folded(durationsProjection, records);
    const { current_phase, current_phase_since, phase_durations_ms } = view.fieldsOf(id, end + 5_000)!;
    expect(current_phase).toBe('stopped');
    expect(Date.parse(current_phase_since)).toBeLessThanOrEqual(end);
    expect(phase_durations_ms.stopped).toBeGreaterThanOrEqual(5_000);
    expect(Object.keys(phase_durations_ms)).toEqual(expect.arrayContaining(['created', 'running', 'shutdown']));
  });

  test('read the same as text and as fields, whatever was asked before', () => {
    const { view } = folded(durationsProjection, records);
    for (const now of [end, end + 1, end + 1_000_000, end - 1]) {
      expect(JSON.parse(`{${view.textOf(id, now)}`)).toEqual(view.fieldsOf(id, now));
    }
  });

  test('do not run backwards when the wall clock does', () => {
    const { view } = folded(durationsProjection, records);
    expect(view.fieldsOf(id, 0)).toEqual(view.fieldsOf(id, Date.parse(view.fieldsOf(id, 0)!.current_phase_since)));
  });

  test('begin with the first record that is kept', () => {
    const { view } = folded(durationsProjection, records.slice(4));
    const spent = Object.values(view.fieldsOf(id, end)!.phase_durations_ms);
    expect(spent.reduce((sum, ms) => sum + ms, 0)).toBe(end - records[4]!.at);
  });

  test('are gone with the instance', () => {
    const deleted = recordsOf('deleted');
    expect(folded(durationsProjection, deleted).view.fieldsOf(deleted[0]!.stream, end)).toBeUndefined();
    expect([...folded(durationsProjection, deleted).table.values()]).toEqual([]);
  });

  test('of a record that changes no state keep their row as it is', () => {
    const { fold } = durationsProjection;
    const [record] = records;
    const recorded = { record: record!, definition: record!.definition!, position: '1' };
    const row = fold(undefined, recorded) as DurationsRow;
    expect(fold(row, { ...recorded, record: { ...record!, version: 2, at: record!.at + 1 } })).toBe(row);
  });
});

describe('a timeline', () => {
  test('joins without a gap, each phase until the next began', () => {
    for (const [name, records] of HISTORIES) {
      const timeline = folded(timelineProjection, records).view.of(records[0]!.stream);
      if (timeline === undefined) continue;
      const { entries } = timeline;
      entries.forEach((entry, index) => {
        expect(entry.until, name).toBe(entries[index + 1]?.since ?? null);
        expect(entry.since, name).toBe(records[entry.version - 1]!.at);
      });
    }
  });

  test('tells an automatic restart with its cause', () => {
    const records = recordsOf('crashes-until-blocked');
    const { entries } = folded(timelineProjection, records).view.of(records[0]!.stream)!;
    const story = entries.map(({ phase, run, cause }) => `${phase} ${run} ${cause}`);
    expect(story.slice(0, 5)).toEqual([
      'preparing 0 null',
      'booting 1 create',
      'running 1 null',
      'booting 2 restart_policy',
      'running 2 null',
    ]);
    expect(entries.filter(({ state }) => state === 'Stopped')).toHaveLength(1);
  });

  test('keeps the last phases and says that there were more', () => {
    const [create] = recordsOf('stops');
    const records = Array.from({ length: TIMELINE_MAX + 3 }, (_, run) => {
      const { state } = create!;
      const context = { ...state.context, run: { ...state.context.run, number: run } };
      return { ...create!, version: run + 1, at: create!.at + run, state: { ...state, context } };
    });
    const whole = folded(timelineProjection, records.slice(0, TIMELINE_MAX)).view.of(create!.stream)!;
    expect([whole.entries.length, whole.shortened]).toEqual([TIMELINE_MAX, false]);
    const { entries, shortened } = folded(timelineProjection, records).view.of(create!.stream)!;
    expect([entries.length, entries[0]?.run, shortened]).toEqual([TIMELINE_MAX, 3, true]);
  });

  test('that begins in the middle of a history says so', () => {
    const records = recordsOf('stops').slice(2);
    expect(folded(timelineProjection, records).view.of(records[0]!.stream)?.shortened).toBe(true);
  });
});

describe('totals', () => {
  test('count restarts, blocks, changes of health, standbys and quarantines as the facts say', () => {
    const all = [...HISTORIES.values()].flat();
    const { transitions, restarts, blocks, health, standbys, quarantines } = folded(totalsProjection, all).view.read();
    const facts = all.flatMap((record) => record.facts);
    const count = (type: string): number => facts.filter((fact) => fact.type === type).length;
    const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);
    expect(sum(transitions)).toBe(all.length);
    expect(transitions.create).toBe(HISTORIES.size);
    expect([sum(restarts), sum(blocks), sum(health)]).toEqual([
      count('restart.attempted'),
      count('restart.blocked'),
      count('health.changed'),
    ]);
    expect(blocks.max_attempts_exceeded).toBeGreaterThan(0);
    expect(health.unhealthy).toBeGreaterThan(0);
    expect([standbys, quarantines]).toEqual([count('standby.entered'), count('instance.quarantined')]);
    expect(standbys).toBeGreaterThan(0);
  });
});

describe('instances', () => {
  /** Instances of these ids, taken in in this order. */
  function instancesOf(ids: readonly string[]): ReturnType<typeof createInstances> {
    const instances = createInstances();
    const [create] = recordsOf('stops');
    ids.forEach((id, index) => {
      const position = String(index).padStart(16, '0');
      instances.apply({ record: { ...create!, stream: id }, definition: create!.definition!, position });
    });
    return instances;
  }

  test('are listed in the order of their ids, in whatever order they came', () => {
    const instances = instancesOf(['c', 'a', 'd', 'b']);
    expect(instances.list().map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
  });

  test('come in pages that join without a gap, also when the instance a page began after is gone', () => {
    const instances = instancesOf(['a', 'b', 'c', 'd', 'e']);
    const ids = (after: string, limit: number): string => {
      const { views, more } = instances.page({ after, limit });
      return `${views.map(({ id }) => id).join('')}${more ? '+' : ''}`;
    };
    expect([ids('', 2), ids('b', 2), ids('d', 2)]).toEqual(['ab+', 'cd+', 'e']);
    expect([ids('', 5), ids('e', 1), ids('bb', 9)]).toEqual(['abcde', '', 'cde']);
    const deleted = recordsOf('deleted');
    const definition = deleted[0]!.definition!;
    instances.apply({ record: { ...deleted.at(-1)!, stream: 'c' }, definition, position: '1' });
    expect([ids('b', 2), ids('c', 2)]).toEqual(['de', 'de']);
    expect(instances.page({ after: '', limit: 9, state: 'Running' })).toEqual({ views: [], more: false });
  });

  test('keep a text that is theirs, and a new one after a change', () => {
    const instances = instancesOf(['a']);
    const text = instances.openTextOf('a');
    expect(JSON.parse(`${text}}`)).toEqual(JSON.parse(JSON.stringify(instances.get('a'))));
    const [create] = recordsOf('stops');
    instances.apply({
      record: { ...create!, stream: 'a', version: 2 },
      definition: create!.definition!,
      position: '9',
    });
    expect(JSON.parse(`${instances.openTextOf('a')}}`)).toMatchObject({ version: 2 });
    expect(instances.openTextOf('b')).toBeUndefined();
  });

  test('are counted by state and phase', () => {
    const { states, phases } = instancesOf(['a', 'b']).tally();
    expect([states.get('Created'), states.get('Running'), phases.get('preparing')]).toEqual([2, 0, 2]);
  });
});
