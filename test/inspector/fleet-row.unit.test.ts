/** Goal: a line of the list, kept current by records, says what GET says. Method: both over whole recorded lives. */
import { describe, expect, test } from 'vitest';
import { phaseOf } from '../../machines/public-states.ts';
import { fits, rowOfRecord, rowOfView } from '../../src/gateway/inspector/model/fleet-row.ts';
import { instanceView } from '../../src/projections/instance-view.ts';
import { recordedLives } from './recorded-life.ts';

describe('a line of the list', () => {
  test('is the same whether it comes from the view or from the record', () => {
    let compared = 0;
    for (const life of recordedLives()) {
      for (const record of life) {
        if (phaseOf(record.state.value) === 'deleted') continue;
        const definition = life[record.definition_at - 1]!.definition!;
        expect(rowOfRecord(record, definition.name)).toEqual(rowOfView(instanceView(record, definition)));
        compared += 1;
      }
    }
    expect(compared).toBeGreaterThan(50);
  });

  test('goes with the instance', () => {
    const gone = recordedLives()
      .flat()
      .filter(({ state }) => phaseOf(state.value) === 'deleted');
    expect(gone.length).toBeGreaterThan(0);
    for (const record of gone) expect(rowOfRecord(record, 'any')).toBeNull();
  });

  test('a filter asks for all of its words, in any order, in whatever is shown', () => {
    const row = { ...rowOfRecord(recordedLives()[0]![0]!, 'web-1')!, name: 'web-1', state: 'Running' as const };
    expect(fits(row, '')).toBe(true);
    expect(fits(row, ' running WEB ')).toBe(true);
    expect(fits(row, 'web stopped-by')).toBe(false);
  });
});
