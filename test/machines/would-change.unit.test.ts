/**
 * Goal: what is said to change nothing changes nothing, and no result of a probe that counts is ever dropped. Method: along
 * random walks of the chart, everything that could come next is asked about and then given to the chart itself.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExternalEvent } from '../../machines/events.ts';
import { type ChartSnapshot, EMPTY_SNAPSHOT, step, type TimerName, wouldChange } from '../../machines/step.ts';
import { lettersAt } from './alphabet.ts';
import { CHECK, definition, START } from './definitions.ts';
import { bootUp, drive } from './driver.ts';
import { type Books, EMPTY_BOOKS, noteEvent, noteStep } from './laws.ts';
import { WORLDS } from './worlds.ts';

const RUNS = 60;
const SEED = 20_260_102;

const CHECKS = [
  CHECK,
  { ...CHECK, success_threshold: 3, start_period_ms: 0 },
  { ...CHECK, failure_threshold: 1, start_period_ms: 3_000 },
];

type Probe = Extract<ExternalEvent, { type: `probe.${string}` }>;

const isProbe = (event: ExternalEvent): event is Probe => event.type.startsWith('probe.');

function checkAll(snapshot: ChartSnapshot, events: readonly ExternalEvent[]): void {
  for (const event of events) {
    const { accepted } = step(snapshot, event);
    const expected = wouldChange(snapshot, event);
    if (accepted || isProbe(event)) expect([event, expected]).toEqual([event, accepted]);
  }
}

/** Every result there can be, in every window there can be, now and later. */
function everyProbe({ context }: ChartSnapshot, at: number): Probe[] {
  const runs = [context.run.number, context.run.number + 1];
  const revisions = [context.health.revision, context.health.revision + 1];
  const windows = runs.flatMap((run) => revisions.map((revision) => ({ run, revision })));
  return windows.flatMap((window) =>
    [at, at + 5_000, at + 3_600_000].flatMap((instant): Probe[] => [
      { type: 'probe.passed', at: instant, window },
      { type: 'probe.failed', at: instant, window, error: 'refused' },
      { type: 'probe.unavailable', at: instant, window, error: 'no agent' },
    ]),
  );
}

describe('whether an event would change anything', () => {
  it('is told of every result of a probe as the chart itself decides it, in any row of results', () => {
    const results = fc.array(fc.tuple(fc.constantFrom('passed', 'failed', 'unavailable'), fc.nat(6_000)));
    fc.assert(
      fc.property(fc.constantFrom(...CHECKS), results, (health_check, row) => {
        const driver = drive(definition({ health_check }));
        bootUp(driver, 0);
        let atMs = 0;
        for (const [result, waitMs] of row) {
          atMs += waitMs;
          const snapshot = driver.snapshot();
          checkAll(snapshot, everyProbe(snapshot, START + atMs));
          const window = { run: snapshot.context.run.number, revision: snapshot.context.health.revision };
          const error = 'as generated';
          driver.send(
            atMs,
            result === 'passed'
              ? { type: 'probe.passed', window }
              : { type: `probe.${result}` as 'probe.failed', window, error },
          );
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it.each(WORLDS)('is never denied of what the chart accepts, whatever happens: $name', (world) => {
    fc.assert(
      fc.property(fc.array(fc.nat(9_999), { minLength: 5, maxLength: 30 }), (picks) => {
        const pending = new Map<TimerName, number>();
        let snapshot: ChartSnapshot = EMPTY_SNAPSHOT;
        let books: Books = EMPTY_BOOKS;
        let at = START;
        for (const pick of picks) {
          const letters = lettersAt(snapshot, pending, books, at, world);
          checkAll(snapshot, letters);
          const { definition: asked, wanted } = world;
          const create = { type: 'create', at, by: 'ann', definition: asked, wanted } as const;
          const event = snapshot === EMPTY_SNAPSHOT ? create : letters[pick % letters.length]!;
          const taken = step(snapshot, event);
          const edge = { before: snapshot, event, step: taken };
          books = noteStep(noteEvent(books, edge), edge);
          for (const name of taken.cancelled) pending.delete(name);
          for (const { name, due } of taken.armed) pending.set(name, due);
          [snapshot, at] = [taken.next, event.at];
        }
      }),
      { numRuns: RUNS / 4, seed: SEED },
    );
  });

  it('is said of an event on which a rule throws, since the instance is set aside then', () => {
    const driver = drive(definition({ health_check: CHECK }));
    bootUp(driver, 0);
    const snapshot = driver.snapshot();
    const spoilt = { ...snapshot, context: { ...snapshot.context, health: null as never } };
    const event = { type: 'probe.passed', at: START, window: { run: 1, revision: 0 } } as const;
    expect(() => step(spoilt, event)).toThrow();
    expect(wouldChange(spoilt, event)).toBe(true);
  });
});
