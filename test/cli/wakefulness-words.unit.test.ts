/** Goal: `get` and `ps --awake` tell who is awake, why, and for how long. Method: accounts as the daemon answers them. */
import { expect, test } from 'vitest';
import { wakefulnessColumns, wakefulnessRows } from '../../src/cli/wakefulness-words.ts';
import type { WholeView } from '../../src/gateway/use-cases/readings.ts';
import type { WakefulnessView } from '../../src/projections/wakefulness.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const HOUR_MS = 3_600_000;

const idle: WakefulnessView = {
  is: 'awake',
  awake_because: 'countdown',
  since: '2026-01-01T11:59:18.000Z',
  counted_from: '2026-01-01T00:00:00.000Z',
  awake_ms: 3 * HOUR_MS,
  asleep_ms: 8 * HOUR_MS,
  down_ms: HOUR_MS,
  unknown_ms: 0,
  awake_by_cause_ms: { connection: HOUR_MS, countdown: 2 * HOUR_MS },
};
const asleep: WakefulnessView = {
  ...idle,
  is: 'asleep',
  awake_because: undefined,
  awake_ms: 0,
  down_ms: 0,
  unknown_ms: 5_000,
  awake_by_cause_ms: {},
};

const view = (name: string, wakefulness?: WakefulnessView): WholeView => ({ name, wakefulness }) as WholeView;

test('one that is awake says since when and why, and what the time awake went to, the longest first', () => {
  expect(wakefulnessRows(view('web', idle), NOW)).toEqual([
    ['wakefulness', 'awake for 42s: its idle timeout has not passed'],
    [
      'account',
      'awake 3h0m0s (countdown 2h0m0s, connection 1h0m0s), asleep 8h0m0s, down 1h0m0s; counted from 2026-01-01T00:00:00.000Z',
    ],
  ]);
});

test('one that sleeps has nothing to explain; what is not known yet is left out', () => {
  expect(wakefulnessRows(view('web', asleep), NOW)[0]).toEqual(['wakefulness', 'asleep for 42s']);
  expect(wakefulnessRows(view('web', asleep), NOW)[1]?.[1]).toMatch(/^awake 0ms, asleep 8h0m0s, unknown 5s; /);
  expect(wakefulnessRows(view('web'), NOW)).toEqual([]);
});

test('the table has a line for each, also for one whose account is not known yet', () => {
  const rows = wakefulnessColumns([view('web', idle), view('db', asleep), view('new')], NOW);
  expect(rows).toEqual([
    ['NAME', 'NOW', 'FOR', 'AWAKE', 'ASLEEP', 'AWAKE BECAUSE OF'],
    ['web', 'awake (countdown)', '42s', '3h0m0s', '8h0m0s', 'countdown 2h0m0s, connection 1h0m0s'],
    ['db', 'asleep', '42s', '0ms', '8h0m0s', '-'],
    ['new', '-', '-', '-', '-', '-'],
  ]);
});
