import { WAKEFULNESS, type Wakefulness } from '../../machines/wakefulness.ts';
import type { Rows } from './engine/projection.ts';
import { type Spent, spentIn, type WakefulnessRow } from './wakefulness-row.ts';

/**
 * The time of all instances together, as a counter of this process: it begins at 0 when it is first asked for, and goes on
 * whatever is deleted, rebuilt, or told later of what happened earlier.
 */
export function countTime(rows: Rows<WakefulnessRow>): (now: number) => ReadonlyMap<Wakefulness, number> | undefined {
  const shown = new Map<Wakefulness, number>(WAKEFULNESS.map((is) => [is, 0]));
  let begun: number | undefined;
  let over: Spent = {};
  rows.watch(({ record }, row, before) => {
    if (begun === undefined || before === undefined || row === before) return;
    over = spentIn(before, Math.max(before.since, begun), row?.since ?? record.at, over);
  });
  return (now) => {
    if (!rows.complete()) return undefined;
    begun ??= now;
    let sum = over;
    for (const row of rows.values()) sum = spentIn(row, Math.max(row.since, begun), now, sum);
    for (const is of WAKEFULNESS) shown.set(is, Math.max(shown.get(is)!, sum[is] ?? 0));
    return shown;
  };
}
