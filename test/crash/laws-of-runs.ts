import type { InstanceRecord } from '../../machines/record.ts';
import type { JournalLine } from '../../src/adapters/simulator/journal.ts';
import { type Acknowledgement, type Spawn, type Stream, type Violation, versionOfEffect } from './evidence.ts';
import type { Wait } from './world-waits.ts';

/** Laws 1 and 2: what is stopped stays stopped, and an instance never has two lives at once. */

/**
 * How long after the acknowledgement of a stop a spawn may still stand in the journal, ms: the request was on its way
 * to the world's process when the stop was decided, and that process reads it when it is given the processor.
 */
export const TRANSIT_MAX_MS = 250;

const STOPS: readonly string[] = ['stop', 'delete'];
const STARTS: readonly string[] = ['start', 'restart', 'restore'];

/** A named snapshot is brought back so that its guest runs. */
export function goesOnFromSnapshot({ event }: InstanceRecord): boolean {
  return event.type === 'restore_snapshot' && event.then === 'running';
}

function asksForRun(record: InstanceRecord): number | null {
  for (const effect of record.effects) {
    if (effect.kind === 'vmm.boot' || effect.kind === 'vmm.restore') return effect.run;
  }
  return null;
}

/** Law 1 in the log: from an accepted stop or delete on nothing asks for a run, until it is started or brought back. */
export function bootsAskedAfterStop({ id, records }: Stream): Violation[] {
  const violations: Violation[] = [];
  let stoppedAt: number | null = null;
  for (const record of records) {
    if (STARTS.includes(record.event.type) || goesOnFromSnapshot(record)) stoppedAt = null;
    if (STOPS.includes(record.event.type)) stoppedAt = record.version;
    const run = asksForRun(record);
    if (stoppedAt === null || run === null) continue;
    const what = `version ${record.version} asks for run ${run}, stopped since version ${stoppedAt}`;
    violations.push({ rule: 'boot_asked_after_stop', instance: id, what });
  }
  return violations;
}

/** Law 1 in the world: what was asked for before an acknowledged stop does not take effect after it. `waits`: of the world, in order. */
export function bootsAfterStop(
  spawns: readonly Spawn[],
  stops: readonly Acknowledgement[],
  waits: readonly Wait[],
): Violation[] {
  return spawns.flatMap((spawn) => {
    const asked = versionOfEffect(spawn.effect);
    const stop = stops.find((ack) => ack.version > asked && spawn.at > heardBy(ack.answeredAt, waits));
    if (stop === undefined) return [];
    const late = spawn.at - stop.answeredAt;
    const what = `run ${spawn.run} spawned ${late} ms after the ${stop.verb} at version ${stop.version} was acknowledged`;
    return [{ rule: 'boot_after_stop', instance: spawn.instance, what }];
  });
}

/** When the world has heard at the latest what it was asked for before `at`: after a wait, if there was one just then. */
function heardBy(at: number, waits: readonly Wait[]): number {
  return waits.reduce(
    (heard, { from, to }) => (from <= heard && to >= at ? Math.max(heard, to + TRANSIT_MAX_MS) : heard),
    at + TRANSIT_MAX_MS,
  );
}

export const isStop = (ack: Acknowledgement): boolean => STOPS.includes(ack.verb);

/** Law 2 in the world: one life at a time, each run once, none without its record. `lines` are of this instance. */
export function livesInWorld({ id, records }: Stream, lines: readonly JournalLine[]): Violation[] {
  const violations: Violation[] = [];
  const say = (rule: Violation['rule'], what: string) => violations.push({ rule, instance: id, what });
  let live: Spawn | null = null;
  const spawned = new Set<number>();
  for (const line of lines) {
    if (line.type === 'vmm.ended') {
      if (live?.run === line.run) live = null;
      if (line.by === 'world') say('ended_with_daemon', `run ${line.run} ended with its world`);
    }
    if (line.type !== 'vmm.spawned') continue;
    const { run, effect } = line;
    if (live !== null) say('two_vmms', `run ${run} spawned while run ${live.run} lived`);
    live = line;
    if (spawned.has(run)) say('run_spawned_twice', `run ${run}`);
    spawned.add(run);
    const record = records[versionOfEffect(effect) - 1];
    if (record === undefined || asksForRun(record) !== run) {
      say('spawn_not_recorded', `no record asks for run ${run} by ${effect}`);
    }
  }
  return violations;
}

/** Law 2 in the log: a run is asked for only when the run before it is known to have ended. */
export function runsAskedBeforeEnd({ id, records }: Stream): Violation[] {
  let before = 0;
  let ended = true;
  const violations: Violation[] = [];
  for (const record of records) {
    const run = asksForRun(record);
    const endsNow = record.facts.some((fact) => fact.type === 'instance.ended' && fact.run === before);
    // A run that was asked for and, by the look at the world after a crash, never began is asked for again.
    const neverBegan = record.event.type === 'vmm.found' && record.event.found.reality === 'none';
    const isNext = run === before + 1 && (ended || endsNow);
    if (run !== null && !isNext && !(run === before && neverBegan)) {
      const what = `version ${record.version} asks for run ${run}; run ${before} ${ended ? 'has ended' : 'has not ended'}`;
      violations.push({ rule: 'run_asked_before_end', instance: id, what });
    }
    before = record.state.context.run.number;
    ended = record.state.context.run.ended;
  }
  return violations;
}

/** A VMM keeps its pid for life: every record that names one names the one the world gave. */
export function pidsThatDiffer({ id, records }: Stream, spawns: readonly Spawn[]): Violation[] {
  const pids = new Map(spawns.map((spawn) => [spawn.run, spawn.pid]));
  return records.flatMap((record) => {
    const { number, pid } = record.state.context.run;
    if (pid === null || pids.get(number) === pid) return [];
    const what = `version ${record.version} says pid ${pid} of run ${number}, the world says ${pids.get(number)}`;
    return [{ rule: 'pid_differs' as const, instance: id, what }];
  });
}
