import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAwake, type Stretch, wakefulnessFrom } from '../../machines/wakefulness.ts';
import type { Published } from '../../src/actors/supervisor.ts';
import { sleepMoment } from '../../src/gateway/inspector/model/sleep-words.ts';
import type { UseCaseOptions } from '../../src/gateway/use-cases/contract.ts';
import { presentReport } from '../../src/gateway/use-cases/standby-status.ts';
import { RowTable } from '../../src/projections/engine/row-table.ts';
import { type WakefulnessView, wakefulnessProjection } from '../../src/projections/wakefulness.ts';
import { AWAKE_WORDS } from '../../src/projections/words/wakefulness-words.ts';
import { IdleModel } from './idle-model.ts';
import { compare, make, moves, type Pair, pairOf, timeouts } from './idle-moves.ts';
import { LIMIT_MS, runs, SLOW_SHARE } from './runs.ts';

/**
 * The account of wakefulness, the status and the inspector's sentence over random lives of one guest: connections, holds,
 * sleeps, lost events, steps of the clock, and deaths of the daemon.
 */

type Spent = Record<string, number>;

/**
 * Record by record: each says what is so from when it begins to where the next one does, which is no earlier. One that only
 * says again what is so already does not begin anything: what is told later may reach back behind it.
 */
function addedUp(published: readonly Published[], now: number): Spent {
  const parts: { begin: number; stretches: readonly Stretch[] }[] = [];
  for (const { record, definition } of published) {
    const { event, state } = record;
    const told = event.type === 'traffic.idle' ? (state.context.standby.idle_since ?? record.at) : record.at;
    const before = parts.at(-1);
    const begin = Math.max(before?.begin ?? 0, Math.min(told, record.at));
    const stretches = wakefulnessFrom(state, definition, begin);
    const isSame =
      stretches.length === 1 && before?.stretches.length === 1 && stretches[0]!.is === before.stretches[0]!.is;
    if (!isSame) parts.push({ begin, stretches });
  }
  const spent: Spent = {};
  for (const [index, { stretches }] of parts.entries()) {
    for (const { is, ms } of lengths(stretches, parts[index + 1]?.begin ?? now)) spent[is] = (spent[is] ?? 0) + ms;
  }
  return spent;
}

function lengths(stretches: readonly Stretch[], end: number): { is: string; ms: number }[] {
  return stretches.map(({ is, from }, index) => {
    return { is, ms: Math.max(0, Math.min(stretches[index + 1]?.from ?? end, end) - from) };
  });
}

function accountOf({ published, id }: Pair, now: number): WakefulnessView {
  const table = new RowTable(wakefulnessProjection, true);
  const account = wakefulnessProjection.publish(table);
  for (const one of published) {
    table.take(one, (error) => {
      throw error;
    });
  }
  return account.of(id, now)!;
}

const nonZero = (spent: Spent): Spent => Object.fromEntries(Object.entries(spent).filter(([, ms]) => ms > 0));

function compareAccount(pair: Pair): void {
  const { published, model } = pair;
  const now = pair.clock.now();
  const account = accountOf(pair, now);
  const { awake_ms, asleep_ms, down_ms, unknown_ms, awake_by_cause_ms } = account;
  const byCause = Object.values(awake_by_cause_ms).reduce((sum, ms) => sum + ms, 0);
  expect(byCause, 'the causes make up the time awake').toBe(awake_ms);
  const [first, last] = [published[0]!.record.at, published.at(-1)!.record.at];
  const lifetime = awake_ms + asleep_ms + down_ms + unknown_ms;
  if (pair.life !== null) expect(account.is).toBe(model.vm);
  // While a clock that was set back has not caught up, there is no time after the newest record that could be told.
  if (now < last) expect(lifetime).toBeLessThanOrEqual(last - first);
  else {
    expect(lifetime, 'awake and asleep make up its life').toBe(now - first);
    const others = { asleep: asleep_ms, down: down_ms, unknown: unknown_ms };
    expect(nonZero({ ...others, ...awake_by_cause_ms })).toEqual(nonZero(addedUp(published, now)));
  }
}

/** Past which an idle edge is told, whatever came before it. */
const EDGE_WAITS = ['countdown', 'hold'];

async function comparePresent(pair: Pair): Promise<void> {
  const { life, clock, id, published } = pair;
  if (life === null) return;
  const report = await presentReport(
    { clock, supervisor: life.supervisor } as unknown as UseCaseOptions & Pair['life'] & object,
    id,
  );
  const { status, why_awake } = report;
  const { is, awake_because = null } = accountOf(pair, clock.now());
  expect(why_awake !== null, 'a reason exactly for what is awake').toBe(is === 'awake');
  const waits = awake_because === 'connection' && EDGE_WAITS.includes(why_awake!);
  // The account takes back nothing that was told; the status goes by the clock, also by one that was set back.
  const isSetBack = clock.now() < published.at(-1)!.record.at;
  if (!waits && !isSetBack) expect({ status, because: awake_because }).toEqual({ status, because: why_awake });
  const { sentence } = sleepMoment(published.at(-1)!.record, report);
  if (why_awake === null) expect(sentence).not.toMatch(/^Awake/);
  else if (why_awake !== 'connection') expect(sentence.startsWith(`Awake: ${AWAKE_WORDS[why_awake]}`)).toBe(true);
  expect(isAwake(sleepMoment(published.at(-1)!.record, null).is)).toBe(why_awake !== null);
}

describe('what is told of being awake', () => {
  it('adds up to the life of the guest, and is one answer wherever it is asked', { timeout: LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(timeouts, fc.array(moves, { minLength: 10, maxLength: 30 }), async (timeoutMs, row) => {
        const pair = await pairOf(timeoutMs, (now) => new IdleModel(now, timeoutMs));
        for (const move of row) {
          await make(pair, move);
          await compare(pair, move);
          compareAccount(pair);
          await comparePresent(pair);
        }
        pair.life?.kill();
      }),
      runs(15, SLOW_SHARE / 4),
    );
  });
});
