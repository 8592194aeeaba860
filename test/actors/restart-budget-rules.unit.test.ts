import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HeldReason, Purpose } from '../../machines/events.ts';
import { EMPTY_SNAPSHOT } from '../../machines/step.ts';
import { Admission } from '../../src/actors/admission.ts';
import { Capacity } from '../../src/actors/capacity.ts';
import { SimulatedClock } from '../../src/actors/clock.ts';
import { RestartBudget } from '../../src/actors/restart-budget.ts';
import { isBefore } from '../../src/actors/waiting-line.ts';
import { definition, START } from './simulated-host.ts';

/**
 * Goal: never more restarts in any stretch of time than the budget allows, and everybody comes in the end. Method: random
 * storms against the ledger alone; its instances are played by a few lines that keep to what the chart would do.
 */

const SECOND = 1_000;
const ONE = definition();

interface Held {
  readonly since: number;
  readonly reason: HeldReason | null;
  readonly retry_at: number;
}

/** A ledger whose instances wait, are granted, fail to write that down, and whose daemon dies. */
class Ledger {
  readonly clock = new SimulatedClock(START);
  readonly limit: { readonly restarts: number; readonly per_ms: number };
  /** When each restart was made, by the clock that nobody sets. */
  readonly made: { readonly id: string; readonly at: number; readonly since: number }[] = [];
  readonly waiting = new Map<string, Held>();
  readonly #history: number[] = [];
  #letters: (() => void)[] = [];
  #admission!: Admission;
  #budget!: RestartBudget;
  /** Whoever was let go before somebody that had waited longer, and was held like it. */
  readonly outOfTurn: string[] = [];
  /** Grants that are under way. */
  readonly #granting = new Set<string>();
  /** The log takes nothing at the moment. */
  full = false;

  constructor(limit: Ledger['limit']) {
    this.limit = limit;
    this.restart();
  }

  restart(): void {
    const { clock } = this;
    this.#admission?.close();
    this.#letters = [];
    this.#granting.clear();
    this.#budget = new RestartBudget(this.limit, clock);
    this.#budget.recall(this.#history.map((at) => ({ at })));
    this.#admission = new Admission({
      ...{ capacity: new Capacity(), budget: this.#budget, clock, bootsAtOnce: 4 },
      grant: (id, _event, settled) => this.#grant(id, settled),
    });
    for (const [id, held] of this.waiting) this.#note(id, held);
    this.#admission.open();
    for (const [id, { reason }] of this.waiting) if (reason === null) this.#ask(id);
  }

  crash(id: string): void {
    if (this.waiting.has(id)) return;
    this.#note(id, { since: this.clock.now(), reason: null, retry_at: 0 });
    this.#ask(id);
  }

  /** The letters that are under way arrive, in their order. */
  work(): void {
    for (let letter = this.#letters.shift(); letter !== undefined; letter = this.#letters.shift()) letter();
  }

  /** Whoever is due asks again. */
  retry(): void {
    for (const [id, held] of this.waiting) {
      if (held.reason === null || held.retry_at > this.clock.now()) continue;
      this.#note(id, { ...held, reason: null, retry_at: 0 });
      this.#ask(id);
    }
  }

  #ask(id: string): void {
    this.#letters.push(() => {
      const held = this.waiting.get(id);
      if (held === undefined || held.reason !== null) return;
      const asked = { id, run: 1, purpose: 'restart_policy' as const, demand: { ...ONE, disk_bytes: 0 } };
      const answer = this.#admission.ask(asked);
      if (answer.type === 'host.granted') return this.#grant(id, () => this.#admission.settle(id));
      this.#letters.push(() => this.#note(id, { ...held, reason: answer.reason, retry_at: answer.retry_at }));
    });
  }

  #grant(id: string, settled: () => void): void {
    const since = this.waiting.get(id)?.since ?? 0;
    const waitedLonger = ([other, held]: [string, Held]): boolean =>
      held.reason !== null && !this.#granting.has(other) && isBefore({ id: other, since: held.since }, { id, since });
    for (const [other] of [...this.waiting].filter(waitedLonger)) this.outOfTurn.push(`${id} before ${other}`);
    this.#granting.add(id);
    this.#letters.push(() => this.#granted(id, settled));
  }

  #granted(id: string, settled: () => void): void {
    const held = this.waiting.get(id);
    this.#granting.delete(id);
    if (held !== undefined && !this.full) {
      this.made.push({ id, at: this.clock.monotonic(), since: held.since });
      this.#history.push(this.clock.now());
      this.#budget.made(id);
      this.#note(id, null);
    }
    settled();
    // Its own timer makes it ask again.
    if (held !== undefined && this.full && held.reason === null) this.#ask(id);
  }

  #note(id: string, held: Held | null): void {
    if (held === null) this.waiting.delete(id);
    else this.waiting.set(id, held);
    const { value, context } = EMPTY_SNAPSHOT;
    const purpose: Purpose = 'restart_policy';
    const run = { ...context.run, number: 1 };
    const admission = held === null ? null : { purpose, ...held };
    if (this.#admission.note(id, { value, context: { ...context, definition: ONE, run, admission } })) {
      this.#admission.letGo();
    }
  }
}

const crash = {
  weight: 6,
  arbitrary: fc.record({ do: fc.constant('crash' as const), id: fc.integer({ min: 0, max: 30 }) }),
};
const wait = {
  weight: 4,
  arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 8_000 }) }),
};
const full = { weight: 1, arbitrary: fc.record({ do: fc.constant('full' as const), is: fc.boolean() }) };
const die = { weight: 1, arbitrary: fc.record({ do: fc.constant('die' as const) }) };
const set = (min: number, max: number) => ({
  weight: 2,
  arbitrary: fc.record({ do: fc.constant('set the clock' as const), ms: fc.integer({ min, max }) }),
});

/** A clock that is set forward makes what a dead daemon did look older than it is: that is given up. */
const HISTORIES = {
  'the daemon dies and the clock is set back': fc.oneof(crash, wait, full, die, set(-3_600_000, 0)),
  'the clock is set forward and back while the daemon lives': fc.oneof(crash, wait, full, set(-3_600_000, 3_600_000)),
};
type Step = (typeof HISTORIES)[keyof typeof HISTORIES] extends fc.Arbitrary<infer T> ? T : never;

const limits = fc.record({
  restarts: fc.integer({ min: 1, max: 5 }),
  per_ms: fc.integer({ min: SECOND, max: 20_000 }),
});

async function play(limit: Ledger['limit'], steps: readonly Step[]) {
  const ledger = new Ledger(limit);
  const wait = async (ms: number): Promise<void> => {
    for (let waited = 0; waited < ms; waited += SECOND) {
      const stretch = Math.min(SECOND, ms - waited);
      ledger.clock.stall(stretch);
      await ledger.clock.advance(0);
      ledger.retry();
      if (!ledger.full) ledger.work();
    }
  };
  for (const one of steps) {
    if (one.do === 'crash') ledger.crash(`vm-${one.id}`);
    else if (one.do === 'wait') await wait(one.ms);
    else if (one.do === 'die') ledger.restart();
    else if (one.do === 'set the clock') ledger.clock.step(one.ms);
    else ledger.full = one.is;
  }
  ledger.full = false;
  // Who could not take a grant asks again at an instant of the wall clock: one that was set back has to come up to it.
  for (const one of steps) if (one.do === 'set the clock' && one.ms < 0) ledger.clock.step(-one.ms);
  const turns = Math.ceil(ledger.waiting.size / limit.restarts) + 2;
  await wait(turns * (limit.per_ms + 3 * SECOND));
  return ledger;
}

describe.each(Object.entries(HISTORIES))('the restart budget of a host, when %s', (_when, step) => {
  test('is never exceeded in any stretch of time, who waited longest goes first, and everybody goes in the end', async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array<Step>(step, { minLength: 5, maxLength: 40 }), async (limit, steps) => {
        const { made, waiting, outOfTurn } = await play(limit, steps);
        for (const [index, { at }] of made.entries()) {
          const last = made[index + limit.restarts];
          if (last !== undefined) expect(last.at - at).toBeGreaterThanOrEqual(limit.per_ms);
        }
        expect(outOfTurn).toEqual([]);
        expect([...waiting.keys()]).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
