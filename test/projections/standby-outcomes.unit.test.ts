/** Goal: how the latest attempt at sleep ended, and how wrong the clock of the guest was, are told as recorded. Method: recorded lives, record by record. */
import { expect, test } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import { RowTable } from '../../src/projections/engine/row-table.ts';
import {
  type StandbyOutcomes,
  type StandbyOutcomeView,
  standbyOutcomesProjection,
} from '../../src/projections/standby-outcomes.ts';
import { recordedHistories } from '../histories/recorded.ts';

const HISTORIES = recordedHistories(4);

/** What is told after each record of a recorded life, of its first so many records. */
function toldIn(name: string): { readonly at: number; readonly facts: readonly string[]; readonly told: Told }[] {
  const { records } = HISTORIES.find((history) => history.name === name)!;
  const table = new RowTable(standbyOutcomesProjection, true);
  const outcomes: StandbyOutcomes = standbyOutcomesProjection.publish(table);
  const definition = records[0]!.definition as Definition;
  return records.map((record) => {
    const position = String(record.version).padStart(6, '0');
    table.take({ record, definition, position }, (error) => {
      throw error;
    });
    return { at: record.at, facts: record.facts.map(({ type }) => type), told: outcomes.of(record.stream) };
  });
}

type Told = StandbyOutcomeView | undefined;

const iso = (at: number): string => new Date(at).toISOString();

test('of an instance that has not been put to sleep yet there is nothing to tell', () => {
  expect(toldIn('scheduled')[0]?.told).toEqual({ last_standby: null, clock: null });
});

test('a minute of a schedule that was left out, a sleep, and how far behind the clock was after it', () => {
  const life = toldIn('scheduled');
  const after = (fact: string): (typeof life)[number] => life.find(({ facts }) => facts.includes(fact))!;
  const skipped = after('schedule.skipped');
  expect(skipped.told?.last_standby).toEqual({ at: iso(skipped.at), outcome: 'skipped', cause: 'unconfirmed' });
  const entered = after('standby.entered');
  expect(entered.told?.last_standby).toEqual({ at: iso(entered.at), outcome: 'entered', cause: null });
  const woken = after('instance.restored');
  expect(woken.told).toEqual({
    last_standby: { at: iso(entered.at), outcome: 'entered', cause: null },
    clock: { at: iso(woken.at), run: 2, drift_ms: 120_000 },
  });
});

test.each(['hooked', 'kept-and-brought-back'])('a standby that was abandoned is told with its cause: %s', (name) => {
  const life = toldIn(name);
  const { at, told } = life.find(({ facts }) => facts.includes('standby.abandoned'))!;
  expect(told?.last_standby).toEqual({ at: iso(at), outcome: 'abandoned', cause: expect.stringMatching(/./) });
});

test('of one that is gone nothing is told', () => {
  expect(toldIn('deleted').at(-1)?.told).toBeUndefined();
});
