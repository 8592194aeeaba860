import type { Stretch, Wakefulness } from '../../machines/wakefulness.ts';

/** The account of one instance, and how stretches of time are added up. */

export type Spent = Readonly<Partial<Record<Wakefulness, number>>>;

export interface WakefulnessRow {
  /** Of the first record: what came before it is not told. Epoch ms. */
  readonly counted_from: number;
  /** Since when it is what it is, by the newest record; its earlier stretches are in `spent` up to `since`. */
  readonly since: number;
  readonly stretches: readonly Stretch[];
  readonly spent: Spent;
}

/** What these stretches come to between two instants, added to what was there before. */
export function spentIn(
  { stretches }: Pick<WakefulnessRow, 'stretches'>,
  begin: number,
  end: number,
  before: Spent,
): Spent {
  const sum: Partial<Record<Wakefulness, number>> = { ...before };
  stretches.forEach(({ is, from }, index) => {
    const ms = Math.min(stretches[index + 1]?.from ?? end, end) - Math.max(from, begin);
    if (ms > 0) sum[is] = (sum[is] ?? 0) + ms;
  });
  return sum;
}

/** The wall clock may have been stepped back meanwhile: nothing is taken back for it. */
export function presentOf({ stretches, since }: WakefulnessRow, now: number): Stretch {
  const at = Math.max(now, since);
  return stretches.findLast(({ from }) => from <= at) ?? stretches[0]!;
}
