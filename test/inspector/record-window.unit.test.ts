/** Goal: the page holds an unbroken piece of the records, so long and no longer. Method: pages and news in every order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  EMPTY_WINDOW,
  isAtHead,
  isHeldWithBefore,
  isPastTheEnds,
  RECORDS_KEPT_MAX,
  type RecordWindow,
  recordAt,
  type ShownRecord,
  withNewest,
  withPage,
} from '../../src/gateway/inspector/model/record-window.ts';

const record = (version: number): ShownRecord => ({ version }) as ShownRecord;
const range = (first: number, last: number): ShownRecord[] =>
  Array.from({ length: last - first + 1 }, (_, index) => record(first + index));
const versions = ({ records }: RecordWindow): number[] => records.map(({ version }) => version);

describe('the records that are held', () => {
  test('whatever is fetched in whatever order, they are without gaps, in order and bounded', () => {
    const page = fc.record({ first: fc.integer({ min: 1, max: 900 }), length: fc.integer({ min: 0, max: 60 }) });
    const news = fc.integer({ min: 1, max: 960 });
    fc.assert(
      fc.property(fc.array(fc.oneof(page, news), { maxLength: 40 }), (steps) => {
        let window = EMPTY_WINDOW;
        for (const step of steps) {
          if (typeof step === 'number') window = withNewest(window, record(step));
          else window = withPage(window, range(step.first, step.first + step.length - 1), 1);
          const held = versions(window);
          expect(held).toEqual(held.map((_, index) => held[0]! + index));
          expect(held.length).toBeLessThanOrEqual(RECORDS_KEPT_MAX);
          expect(window.headVersion).toBeGreaterThanOrEqual(held.at(-1) ?? 0);
          if (typeof step !== 'number' && step.length > 0) {
            expect(recordAt(window, step.first)?.version).toBe(step.first);
          }
        }
      }),
    );
  });

  test('a page that adjoins is joined, one elsewhere replaces', () => {
    const newest = withPage(EMPTY_WINDOW, range(50, 60), 1);
    expect(versions(withPage(newest, range(40, 49), 1))).toEqual(versions(withPage(EMPTY_WINDOW, range(40, 60), 1)));
    expect(versions(withPage(newest, range(10, 20), 1))).toEqual(versions(withPage(EMPTY_WINDOW, range(10, 20), 1)));
  });

  test('what a page says of a record counts more than what was held of it', () => {
    const held = withPage(EMPTY_WINDOW, range(1, 5), 1);
    const told = { ...record(4), outcomes: [] };
    expect(recordAt(withPage(held, [told], 1), 4)).toBe(told);
    expect(versions(withPage(held, [told], 1))).toEqual([1, 2, 3, 4, 5]);
  });

  test('whoever pages back for long lets go of the newest, and whoever stays at the present of the oldest', () => {
    let back = withPage(EMPTY_WINDOW, range(941, 1_000), 1);
    for (let first = 881; first > 300; first -= 60) back = withPage(back, range(first, first + 59), 1);
    expect(versions(back).length).toBe(RECORDS_KEPT_MAX);
    expect([isAtHead(back), back.headVersion]).toEqual([false, 1_000]);
    let on = withPage(EMPTY_WINDOW, range(1, 60), 1);
    for (let version = 61; version <= 1_000; version++) on = withNewest(on, record(version));
    expect([versions(on).length, isAtHead(on)]).toEqual([RECORDS_KEPT_MAX, true]);
  });

  test('news that do not follow on what is held are counted and leave no gap', () => {
    const held = withPage(EMPTY_WINDOW, range(1, 5), 1);
    expect(withNewest(held, record(7))).toEqual({ ...held, headVersion: 7 });
  });

  test('a moment is complete with the record before it, or when there is none', () => {
    const held = withPage(EMPTY_WINDOW, range(5, 9), 3);
    expect([5, 6, 9, 10].map((version) => isHeldWithBefore(held, version))).toEqual([false, true, true, false]);
    expect(isHeldWithBefore(withPage(EMPTY_WINDOW, range(3, 9), 3), 3)).toBe(true);
  });

  test('a version past either end is none, and of what is not known yet nothing is said', () => {
    const held = withPage(EMPTY_WINDOW, range(5, 9), 3);
    expect([2, 3, 9, 10].map((version) => isPastTheEnds(held, version))).toEqual([true, false, false, true]);
    expect(isPastTheEnds(EMPTY_WINDOW, 7)).toBe(false);
  });
});
