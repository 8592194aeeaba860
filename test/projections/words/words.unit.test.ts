/**
 * Goal: whatever the chart receives, decides or asks for reads as words, also what is added to it later. Method: every
 * type of the schemas with made-up fields, and every record of the kept histories.
 */
import { describe, expect, test } from 'vitest';
import type { ZodType } from 'zod';
import { effectSchema } from '../../../machines/effects.ts';
import { commandSchema, effectResultSchema, observationSchema, upgradeEventSchema } from '../../../machines/events.ts';
import { factSchema } from '../../../machines/facts.ts';
import { TIMER_NAMES } from '../../../machines/step.ts';
import { historyLine, type Paint } from '../../../src/cli/history-lines.ts';
import { HOST_EVENT_TYPES } from '../../../src/gateway/requests/record-types.ts';
import { passes } from '../../../src/projections/feed/record-filter.ts';
import { effectName, effectWords } from '../../../src/projections/words/effect-words.ts';
import { eventWords } from '../../../src/projections/words/event-words.ts';
import { factWords } from '../../../src/projections/words/fact-words.ts';
import { plainWords } from '../../../src/projections/words/plain.ts';
import { recordedHistories, recordedVersions } from '../../histories/recorded.ts';

interface Option {
  readonly shape: Readonly<Record<string, ZodType>>;
}

/** Values that some field of some type takes; the first that its schema accepts is used. */
const SAMPLES: readonly unknown[] = [
  1,
  'some text',
  'name',
  true,
  null,
  [],
  ['part'],
  { run: 1, revision: 0 },
  { code: 'timed_out', message: 'it took too long' },
  { reality: 'none' },
  {},
];

function sampleOf(schema: ZodType): unknown {
  const literal = (schema as { readonly value?: unknown }).value;
  const options = (schema as { readonly options?: readonly unknown[] }).options ?? [];
  const found = [...(literal === undefined ? [] : [literal]), ...options, ...SAMPLES].find(
    (value) => schema.safeParse(value).success,
  );
  return found;
}

/** One value of each option of a union, with every field filled as far as a sample fits. */
function samplesOf(schema: { readonly options: readonly unknown[] }): { readonly [field: string]: unknown }[] {
  return (schema.options as readonly Option[]).map(({ shape }) =>
    Object.fromEntries(Object.entries(shape).map(([field, own]) => [field, sampleOf(own)])),
  );
}

const DEFINITION = { name: 'web', image: 'demo' };
const events = [commandSchema, observationSchema, effectResultSchema, { options: [upgradeEventSchema] }]
  .flatMap(samplesOf)
  .map((event) => (event.type === 'create' ? { ...event, definition: DEFINITION } : event));

function expectWords(words: string): void {
  expect(words.trim()).toBe(words);
  expect(words).toMatch(/^\S.{2,}$/);
  expect(words).not.toMatch(/undefined|NaN|\[object|Invalid/);
}

describe('words', () => {
  test.each(events.map((event) => [String(event.type), event] as const))('of the event %s', (_type, event) => {
    expectWords(eventWords(event as never));
  });

  test.each(TIMER_NAMES.map((name) => [name]))('of %s', (type) => {
    expectWords(eventWords({ type }));
    expect(eventWords({ type })).toMatch(/ is due$/);
  });

  test.each(samplesOf(factSchema).map((fact) => [String(fact.type), fact] as const))(
    'of the fact %s',
    (_type, fact) => {
      expectWords(factWords(fact as never));
    },
  );

  test.each(samplesOf(effectSchema).map(({ kind }) => [String(kind)]))('of the effect %s', (kind) => {
    expectWords(effectName(kind));
    expectWords(effectWords(kind, 3));
  });

  test.each(HOST_EVENT_TYPES.map((type) => [type]))('of the event %s of the host', (type) => {
    const event = { type, by_ms: 5_000, mode: 'draining' };
    expectWords(eventWords(event));
    expect(eventWords(event)).not.toBe(plainWords(type));
    const cause = { actor: 'ada', via: 'http' };
    const record = { id: 'r', stream: 'host', version: 7, at: 0, event, state: { mode: 'draining' }, cause };
    expect(historyLine(record as never)).toBe(`1970-01-01T00:00:00.000Z  v7    ada@http    ${eventWords(event)}`);
    expect(passes(record as never, { run: 1 })).toBe(false);
  });

  test('of what nobody has written any for are those of its type', () => {
    expect(eventWords({ type: 'disk.nearly_full' })).toBe('disk nearly full');
    expect(factWords({ type: 'disk.replaced' })).toBe('disk replaced');
    expect(effectName('disk.replace')).toBe('disk replace');
  });
});

test('colours mark what is alarming and what is well, and nothing else changes', () => {
  const records = recordedHistories(1).flatMap(({ records: ofOne }) => ofOne);
  const marked: Paint = (style, text) => `<${style}>${text}</${style}>`;
  const plain = (line: string): string => line.replaceAll(/<\/?(dim|bold|red|yellow|green)>/g, '');
  const lines = records.map((record) => historyLine({ ...record, outcomes: [] }, marked));
  expect(lines.map(plain)).toEqual(records.map((record) => historyLine({ ...record, outcomes: [] })));
  expect(lines.filter((line) => line.includes('<red>restarts blocked')).length).toBeGreaterThan(0);
  expect(lines.filter((line) => line.includes('<green>run 1 ready')).length).toBeGreaterThan(0);
});

test('every record of the kept histories is one line that names who, what and where it stands', () => {
  for (const { records } of recordedVersions().flatMap(recordedHistories)) {
    for (const record of records) {
      const line = historyLine({ ...record, outcomes: [] });
      expectWords(line);
      expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z {2}v\d+ +(system|\S+@\S+) .* {2}\[\w+\]$/);
    }
  }
});
