import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Effect } from '../../machines/effects.ts';
import type { ExternalEvent } from '../../machines/events.ts';
import type { HealthCheck, RestartPolicy } from '../../machines/policies.ts';
import { EMPTY_SNAPSHOT, step, type TimerName } from '../../machines/step.ts';
import { commands, end, hostAnswers, resultsOf } from './alphabet.ts';
import { CHECK, definition, ON_FAILURE, SLEEPY, START } from './definitions.ts';
import { LAWS } from './law-book.ts';
import { type Books, EMPTY_BOOKS, noteEvent, noteStep } from './laws.ts';

/** A small world that does what it is asked, badly: random commands, delays, failures, crashes and lies of omission. */

const RUNS = 800;
const SEED = 20_260_101;
const LIMIT_MS = 30_000;

/** Most ends fall into the backoff of the attempt before. */
const PATIENT = { ...ON_FAILURE, backoff_ms: 120_000, max_attempts: 3 };
/** Everything that a policy may say besides. */
const ELABORATE = {
  ...PATIENT,
  backoff_ms: 20_000,
  backoff_max_ms: 90_000,
  jitter: 0.5,
  exit_codes: { restart: [0], never: [2] },
  stability_period_ms: 100_000,
};
const SENSITIVE = { ...CHECK, failure_threshold: 1, start_period_ms: 0 };
const POLICIES = {
  plain: { restart_policy: PATIENT, health_check: CHECK },
  elaborate: { restart_policy: ELABORATE, health_check: SENSITIVE },
} as const;

const choices = fc.array(fc.record({ pick: fc.nat(999), waitMs: fc.nat(20_000), detail: fc.nat(999) }), {
  minLength: 20,
  maxLength: 120,
});

interface World {
  /** Runs whose VMM is alive. */
  readonly alive: Set<number>;
  readonly queue: Effect[];
}

/** What the world does with the oldest unanswered effect. */
function answer(world: World, at: number, detail: number): ExternalEvent | null {
  const effect = world.queue.shift();
  if (effect === undefined) return null;
  const { kind, run } = effect;
  if (effect.kind === 'host.admit') return hostAnswers(run, effect.purpose, at)[detail % 2]!;
  const results = resultsOf({ kind: kind as never, run, paused: false }, at);
  const result = results[detail % results.length]!;
  if ('ended' in result && result.ended !== undefined) world.alive.delete(run);
  const spawned = result.type === 'effect.done' || (result.type === 'effect.unknown' && detail % 3 === 0);
  if ((kind === 'vmm.boot' || kind === 'vmm.restore') && spawned) world.alive.add(run);
  if (kind === 'vmm.inspect') return look(world, run, at);
  return result;
}

function look(world: World, run: number, at: number): ExternalEvent {
  const reality = world.alive.has(run)
    ? ({ reality: 'running', ready: true } as const)
    : ({ reality: 'none' } as const);
  return { type: 'vmm.found', at, run, found: reality };
}

function happen(world: World, run: number, revision: number, at: number, detail: number): ExternalEvent | null {
  if (!world.alive.has(run)) return null;
  const window = { run, revision };
  const events: ExternalEvent[] = [
    { type: 'guest.ready', at, run },
    { type: 'guest.ready', at, run },
    { type: 'vmm.exited', at, run, ...end('power_off', detail % 3, at) },
    { type: 'probe.failed', at, window, error: 'refused' },
    { type: 'probe.passed', at, window },
    { type: 'traffic.idle', at, run },
    { type: 'traffic.active', at, run, connections: 1 },
  ];
  const event = events[detail % events.length]!;
  if (event.type === 'vmm.exited') world.alive.delete(run);
  return event;
}

describe('under a world that fails at random', () => {
  it.each(['plain', 'elaborate'] as const)(
    'the laws hold, at most one VMM is alive, and stopped means stopped: %s policy',
    { timeout: LIMIT_MS },
    (which) => {
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(choices, (script) => live(script, seen, POLICIES[which])),
        { numRuns: RUNS, seed: SEED },
      );
      const often = which === 'plain' ? SEEN_OFTEN : [...SEEN_OFTEN, ...SEEN_WHEN_ELABORATE];
      expect(often.filter((fact) => (seen.get(fact) ?? 0) < RUNS / 80)).toEqual([]);
    },
  );
});

/** A simulation in which these hardly happen proves nothing. */
const SEEN_OFTEN = [
  'instance.boot_requested',
  'restart.attempted',
  'restart.scheduled',
  'health.changed',
  'instance.lost',
];
const SEEN_WHEN_ELABORATE = ['restart.gated', 'restart.reset'];

/** Mostly normal, or nothing automatic would be seen. */
const MODES = ['normal', 'normal', 'maintenance', 'normal'] as const;

interface Policies {
  readonly restart_policy: RestartPolicy;
  readonly health_check: HealthCheck;
}

type Script = readonly { pick: number; waitMs: number; detail: number }[];

function live(script: Script, seen: Map<string, number>, policies: Policies): void {
  const world: World = { alive: new Set(), queue: [] };
  const pending = new Map<TimerName, number>();
  let [snapshot, books, at]: [typeof EMPTY_SNAPSHOT, Books, number] = [EMPTY_SNAPSHOT, EMPTY_BOOKS, START];
  const take = (event: ExternalEvent): void => {
    const taken = step(snapshot, event);
    const edge = { before: snapshot, event, step: taken };
    const told = noteEvent(books, edge);
    const after = noteStep(told, edge);
    if (taken.accepted) pending.delete(event.type as TimerName);
    for (const name of taken.cancelled) pending.delete(name);
    for (const { name, due } of taken.armed) pending.set(name, due);
    for (const { rule, holds } of LAWS) {
      if (!holds({ books, told, after, edge, pending })) throw new Error(`${rule}: ${JSON.stringify(event)}`);
    }
    for (const { type } of taken.facts) seen.set(type, (seen.get(type) ?? 0) + 1);
    [snapshot, books, at] = [taken.next, after, event.at];
    for (const effect of taken.effects) if (effect.kind !== 'effect.withdraw') world.queue.push(effect);
    expect(world.alive.size).toBeLessThanOrEqual(1);
  };
  const created = definition({ ...policies, auto_standby: SLEEPY });
  take({ type: 'create', at, by: 'ann', definition: created, wanted: 'running' });
  for (const { pick, waitMs, detail } of script) {
    const until = at + waitMs;
    const due = [...pending].sort((a, b) => a[1] - b[1])[0];
    const { run, health } = snapshot.context;
    const letters = commands(until, {
      changes: [{ restart_policy: policies.restart_policy }, { health_check: policies.health_check }],
      modes: true,
    });
    const choice = pick % 10;
    let event: ExternalEvent | null = null;
    if (choice < 1) event = letters[detail % letters.length]!;
    else if (choice < 6) event = answer(world, until, detail % 4 === 0 ? detail : 0);
    else if (choice > 8 && detail % 9 === 0) event = { type: 'host.mode_changed', at: until, mode: MODES[detail % 4]! };
    else event = happen(world, run.number, health.revision, until, detail);
    if (due !== undefined && due[1] <= until) take({ type: due[0], at: Math.max(at, due[1]), due: due[1], armed: 1 });
    if (event !== null) take({ ...event, at: Math.max(at, event.at) });
  }
}
