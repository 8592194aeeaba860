/** Goal: the reference tells what is so, all of it and nothing else. Method: its tables are compared with the code. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ZodType } from 'zod';
import { acceptedCommands } from '../../machines/accepted-commands.ts';
import { CHART_VERSION, instanceChart } from '../../machines/chart.ts';
import { INITIAL_CONTEXT } from '../../machines/context.ts';
import { definitionSchema } from '../../machines/definition.ts';
import { formatDuration } from '../../machines/duration.ts';
import { effectSchema } from '../../machines/effects.ts';
import { commandSchema, effectResultSchema, observationSchema } from '../../machines/events.ts';
import { factSchema } from '../../machines/facts.ts';
import { mayHaveVmm, type Phase, publicStateOf, stateOf } from '../../machines/public-states.ts';
import { SYSTEM_CAUSE } from '../../machines/record.ts';
import { fromStateData, TIMER_NAMES } from '../../machines/step.ts';
import { FAULT_POINTS } from '../../src/actors/fault-points.ts';
import { projectDir } from '../architecture/project-files.ts';
import { recordedHistories } from '../histories/recorded.ts';
import { document, name, quoted, section, tableRows } from './markdown.ts';

const lifecycle = Object.keys(instanceChart.states.lifecycle!.states);
const records = recordedHistories(CHART_VERSION).flatMap((history) => history.records);

interface Option {
  readonly shape: Readonly<Record<string, ZodType>>;
}

/** Name and fields of each option of a union, as the tables write them. */
function optionsOf(
  schema: { readonly options: readonly unknown[] },
  key: string,
  implied: readonly string[],
): string[] {
  return (schema.options as readonly Option[]).map(({ shape }) => {
    const literal = shape[key] as unknown as { readonly value: string };
    const fields = Object.keys(shape).filter((field) => field !== key && !implied.includes(field));
    const written = fields.map((field) => `${field}${shape[field]!.safeParse(undefined).success ? '?' : ''}`);
    return `${literal.value}(${written.join(' ')})`;
  });
}

describe('events, facts and effects', () => {
  const text = document('docs/reference/events-facts-effects.md');
  test.for([
    ['## Commands', optionsOf(commandSchema, 'type', ['at', 'by'])],
    ['## Observations', optionsOf(observationSchema, 'type', ['at'])],
    ['## Results of effects', optionsOf(effectResultSchema, 'type', ['at'])],
    ['## Facts', optionsOf(factSchema, 'type', [])],
    ['## Effects', optionsOf(effectSchema, 'kind', [])],
  ] as const)('%s are those of the schemas, field by field', ([heading, options]) => {
    const rows = tableRows(section(text, heading), 'name');
    expect(rows.map(([type, fields]) => `${name(type)}(${quoted(fields ?? '').join(' ')})`)).toEqual(options);
    for (const [type, , meaning] of rows) expect(meaning?.length, type).toBeGreaterThan(5);
  });
});

describe('timers', () => {
  const text = document('docs/reference/timers.md');
  const rows = tableRows(text, 'timer');

  test('each of the chart is listed', () => {
    expect(rows.map(([timer]) => name(timer)).sort()).toEqual([...TIMER_NAMES].sort());
  });

  test('a fixed one has the duration that the chart gives it, the others name where theirs comes from', () => {
    const { delays } = instanceChart.implementations;
    for (const [timer, after] of rows) {
      const delay: unknown = delays[name(timer).replace('timer.', '') as keyof typeof delays];
      if (typeof delay === 'number') expect(after, timer).toBe(`\`${formatDuration(delay)}\``);
      else expect(after, timer).toMatch(/the (definition|policy|answer)'s `\w+`|doubles from 5 s to 5 min/);
    }
  });

  test('every limit has the value that the code has', async () => {
    for (const [constant, value, where] of tableRows(text, 'limit')) {
      const module = (await import(join(projectDir, name(where)))) as Record<string, unknown>;
      expect(`${name(constant)} ${module[name(constant)]}`).toBe(`${name(constant)} ${value}`);
    }
  });
});

describe('states', () => {
  const text = document('docs/reference/states.md');

  test('each phase has the public state of the one table', () => {
    const rows = tableRows(section(text, '## What is shown'), 'phase');
    const told = rows.map(([phase, state]) => `${name(phase)} ${state}`).sort();
    const value = { restart: 'idle', health: 'disabled', standby: 'disabled', expiry: 'none' };
    const shown = lifecycle.map((state) => `${state} ${publicStateOf({ ...value, lifecycle: state } as never)}`);
    expect(told).toEqual([...shown, 'backoff Stopped', 'held Stopped'].sort());
  });

  test('each phase is told to have a VMM, perhaps or certainly, exactly where one may live', () => {
    for (const [phase, , lives] of tableRows(section(text, '## What is shown'), 'phase')) {
      expect([phase, mayHaveVmm(name(phase) as Phase)]).toEqual([phase, lives !== 'no']);
    }
  });

  test('each state accepts what recorded instances in it accept', () => {
    const rows = tableRows(section(text, '## What a state accepts'), 'phase');
    expect(rows.map(([phase]) => name(phase)).sort()).toEqual(lifecycle.filter((state) => state !== 'absent').sort());
    const told = new Map(rows.map(([phase, accepts]) => [name(phase), quoted(accepts ?? '').sort()]));
    for (const [state, accepted] of acceptedByState()) expect(accepted, state).toEqual(told.get(state));
  });
});

/** Of the states that recorded histories pass through: what is always accepted, and what only sometimes (`?`). */
function acceptedByState(): Map<string, string[]> {
  const seen = new Map<string, string[][]>();
  for (const { records: ofOne } of recordedHistories(CHART_VERSION)) {
    for (const record of ofOne) {
      const snapshot = fromStateData(record.state, ofOne[record.definition_at - 1]!.definition!);
      const state = stateOf(record.state.value, 'lifecycle');
      seen.set(state, [...(seen.get(state) ?? []), acceptedCommands(snapshot, record.at)]);
    }
  }
  const summed = [...seen].map(([state, lists]): [string, string[]] => {
    const ever = [...new Set(lists.flat())].sort();
    return [state, ever.map((command) => `${command}${lists.every((list) => list.includes(command)) ? '' : '?'}`)];
  });
  return new Map(summed);
}

describe('records', () => {
  const text = document('docs/reference/records.md');
  const told = (head: string): string[] =>
    tableRows(text, head)
      .map(([field]) => name(field))
      .sort();

  test('their fields, and those of their parts, are all told', () => {
    const fields = section(text, '## Fields');
    const seen = new Set(records.flatMap((record) => Object.keys(record)));
    expect(
      tableRows(fields, 'field')
        .map(([field]) => name(field))
        .sort(),
    ).toEqual([...seen].sort());
    expect(told('of `definition`')).toEqual(Object.keys(definitionSchema.shape).sort());
    expect(told('of `cause`')).toEqual(Object.keys(SYSTEM_CAUSE).sort());
    const { definition: _named, ...context } = INITIAL_CONTEXT;
    expect(told('of `state.context`')).toEqual(Object.keys(context).sort());
  });

  test('each part of the context names its own fields', () => {
    for (const [field, what] of tableRows(text, 'of `state.context`')) {
      const parts = records.map(({ state }) => state.context[name(field) as keyof typeof state.context]);
      const keys = new Set(
        parts.flat().flatMap((part) => (typeof part === 'object' && part !== null ? Object.keys(part) : [])),
      );
      for (const key of keys) expect(quoted(what ?? ''), field).toContain(key);
    }
  });

  test('the envelope is told', () => {
    const { bytes: _text, ...envelope } = recordedHistories(CHART_VERSION)[0]!.entries[0]!;
    const rows = tableRows(section(text, '## The envelope'), 'field');
    expect(rows.map(([field]) => name(field))).toEqual(Object.keys(envelope));
  });
});

test('fault points are those of the runtime, in its order', () => {
  expect(tableRows(document('docs/reference/faults.md'), 'point').map(([point]) => name(point))).toEqual([
    ...FAULT_POINTS,
  ]);
});

describe('a table that is wrong would be noticed', () => {
  const table = '\n| name | fields |\n| --- | --- |\n| `a` | `b?`, `c` |\n';

  test('rows and names are read as they are written', () => {
    expect(tableRows(table, 'name')).toEqual([['`a`', '`b?`, `c`']]);
    expect(() => tableRows(table, 'other')).toThrow('0 tables');
    expect(() => name('two `a` `b`')).toThrow('not one name');
  });
});
