import type { AwakeCause } from '../../machines/wakefulness.ts';
import type { WholeView } from '../gateway/use-cases/readings.ts';
import type { WakefulnessView } from '../projections/wakefulness.ts';
import { plainWords, spanWords } from '../projections/words/plain.ts';
import { AWAKE_WORDS } from '../projections/words/wakefulness-words.ts';

/** Whether an instance is awake, why, and how long it has been so, as `get` and `ps --awake` print it. `now`: epoch ms. */

export function wakefulnessRows({ wakefulness: account }: WholeView, now: number): [string, string][] {
  if (account === undefined) return [];
  const because = account.awake_because === undefined ? '' : `: ${becauseWords(account)}`;
  return [
    ['wakefulness', `${account.is} for ${lasting(account, now)}${because}`],
    ['account', `${partsOf(account).join(', ')}; counted from ${account.counted_from}`],
  ];
}

/** A head, and a row for each instance. */
export function wakefulnessColumns(views: readonly WholeView[], now: number): string[][] {
  const rows = views.map(({ name, wakefulness: account }) => {
    if (account === undefined) return [name, '-', '-', '-', '-', '-'];
    const { is, awake_because: cause } = account;
    const state = cause === undefined ? is : `${is} (${plainWords(cause)})`;
    const [awake, asleep] = [spanWords(account.awake_ms), spanWords(account.asleep_ms)];
    return [name, state, lasting(account, now), awake, asleep, causesOf(account).join(', ') || '-'];
  });
  return [['NAME', 'NOW', 'FOR', 'AWAKE', 'ASLEEP', 'AWAKE BECAUSE OF'], ...rows];
}

function lasting({ since }: WakefulnessView, now: number): string {
  return spanWords(Math.max(0, Math.ceil((now - Date.parse(since)) / 1000) * 1000));
}

function becauseWords({ awake_because }: WakefulnessView): string {
  return AWAKE_WORDS[awake_because as AwakeCause] ?? plainWords(awake_because ?? '');
}

/** Longest first. */
function causesOf({ awake_by_cause_ms }: WakefulnessView): string[] {
  return Object.entries(awake_by_cause_ms)
    .toSorted(([, a], [, b]) => b - a)
    .map(([cause, ms]) => `${plainWords(cause)} ${spanWords(ms)}`);
}

function partsOf(account: WakefulnessView): string[] {
  const causes = causesOf(account);
  const awake = `awake ${spanWords(account.awake_ms)}${causes.length === 0 ? '' : ` (${causes.join(', ')})`}`;
  return [
    awake,
    `asleep ${spanWords(account.asleep_ms)}`,
    ...(account.down_ms === 0 ? [] : [`down ${spanWords(account.down_ms)}`]),
    ...(account.unknown_ms === 0 ? [] : [`unknown ${spanWords(account.unknown_ms)}`]),
  ];
}
