/** Goal: what is written beside the picture is right. Method: given instants and contexts. */
import { describe, expect, test } from 'vitest';
import { differences, leavesOf } from '../../src/gateway/inspector/model/context-difference.ts';
import { recordWords } from '../../src/gateway/inspector/model/record-words.ts';
import { untilWords } from '../../src/gateway/inspector/model/spans.ts';
import { recordedLives } from './recorded-life.ts';

test('a countdown shows tenths near its end, whole seconds before, and never a time that has passed', () => {
  expect([0, -5_000, 50, 9_940, 12_300, 3_600_000].map((left) => untilWords(1_000_000 + left, 1_000_000))).toEqual([
    'now',
    'now',
    'in 0.1s',
    'in 9.9s',
    'in 13s',
    'in 1h0m0s',
  ]);
});

describe('the difference of two contexts', () => {
  test('names each field that differs, with both values, and no other', () => {
    const before = { run: { number: 1, exit: null }, restart: { attempts: 0, history: [] } };
    const after = { run: { number: 1, exit: { reason: 'crashed' } }, restart: { attempts: 1, history: [] } };
    expect(differences(before, after)).toEqual([
      { field: 'run.exit', before: 'null', after: null },
      { field: 'restart.attempts', before: '0', after: '1' },
      { field: 'run.exit.reason', before: null, after: '"crashed"' },
    ]);
    expect(differences(after, after)).toEqual([]);
  });

  test('shows instants as times and counts as counts', () => {
    const shown = leavesOf({ created_at: 1_700_000_000_000, at: 0, attempts: 1_700_000_000_000, hold_until: null });
    expect([...shown]).toEqual([
      ['created_at', '2023-11-14T22:13:20.000Z'],
      ['at', '0'],
      ['attempts', '1700000000000'],
      ['hold_until', 'null'],
    ]);
  });

  test('over recorded lives, the fields that differ are those whose JSON differs', () => {
    for (const life of recordedLives()) {
      life.slice(1).forEach((record, index) => {
        const [old, now] = [life[index]!.state.context, record.state.context];
        expect(differences(old, now).length === 0).toBe(JSON.stringify(old) === JSON.stringify(now));
      });
    }
  });
});

test('every recorded moment has words for what happened, what was decided and what was asked for', () => {
  for (const record of recordedLives().flat()) {
    const { event, who, decided, done, phase } = recordWords(record);
    expect([event, who, phase].every((text) => text !== '')).toBe(true);
    expect([decided.length, done.length]).toEqual([record.facts.length, record.effects.length]);
  }
});
