import type { Definition } from '../../machines/definition.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import type { Log, LogEntry, Token } from '../../src/actors/contracts/log.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import type { PROJECTIONS } from '../../src/projections/all-projections.ts';
import { createProjections, type ProjectionList, type Projections } from '../../src/projections/engine/projections.ts';
import { type RecordedHistory, recordedHistories } from '../histories/recorded.ts';

/** Recorded histories as streams of one log, appended and published one record at a time, as a runtime would. */

export const SCENE_START_MS = Date.UTC(2026, 0, 1, 12);
const HISTORIES = recordedHistories(1);
const TURNS_MAX = 10_000;

export interface Stream {
  readonly id: string;
  /** Appends the next record of the history; false when there is none left. */
  append(): Promise<boolean>;
  /** Hands the oldest record that has been appended and not been published to whoever listens. */
  publish(): boolean;
}

export interface ProjectionScene {
  readonly clock: SimulatedClock;
  readonly log: Log;
  readonly streams: readonly Stream[];
  readonly problems: string[];
  /** An engine that hears of everything that is published from now on, and has built what begins with the log. */
  engine<P extends ProjectionList>(list: P, log?: Log): Promise<Projections<P>>;
  /** The same, told the heads of the log as a runtime does at its start. */
  restartedEngine<P extends ProjectionList>(list: P): Promise<Projections<P>>;
}

interface Waiting {
  readonly record: InstanceRecord;
  readonly position: string;
}

export function projectionScene(streams: number): ProjectionScene {
  const clock = new SimulatedClock(SCENE_START_MS);
  const random = seededRandom(3, clock);
  const log = createMemoryLog();
  const problems: string[] = [];
  const engines: Pick<Projections<ProjectionList>, 'take'>[] = [];
  const definitions = new Map<string, Definition>();

  const create = async <P extends ProjectionList>(list: P, over: Log): Promise<Projections<P>> => {
    const report = ({ message }: { message: string }): void => void problems.push(message);
    const engine = await createProjections(list, { log: over, clock, report });
    engines.push(engine);
    return engine;
  };
  const publish = ({ record, position }: Waiting, live: boolean, to = engines): void => {
    const definition = record.definition ?? definitions.get(record.stream)!;
    definitions.set(record.stream, definition);
    for (const engine of to) engine.take({ record, definition, position, live });
  };
  const streamOf = (history: RecordedHistory): Stream => {
    const id = random.id();
    const waiting: Waiting[] = [];
    let token: Token | null = null;
    let version = 0;
    return {
      id,
      append: async () => {
        const recorded = history.records[version];
        if (recorded === undefined) return false;
        version += 1;
        const record = { ...recorded, stream: id };
        const result = await log.append(id, token, JSON.stringify(record));
        if (result.kind !== 'appended') throw new Error(`${result.kind} at version ${version}`);
        token = result.token;
        waiting.push({ record, position: result.position });
        return true;
      },
      publish: () => {
        const next = waiting.shift();
        if (next !== undefined) publish(next, true);
        return next !== undefined;
      },
    };
  };
  const begun = async <P extends ProjectionList>(engine: Projections<P>): Promise<Projections<P>> => {
    engine.start();
    await until(clock, () => Object.values(engine.status()).every(({ rebuilding }) => !rebuilding));
    return engine;
  };
  return {
    clock,
    log,
    problems,
    streams: Array.from({ length: streams }, (_, n) => streamOf(HISTORIES[n % HISTORIES.length]!)),
    engine: async (list, over = log) => begun(await create(list, over)),
    restartedEngine: async (list) => {
      const engine = await create(list, log);
      for await (const entry of log.heads()) publish(toWaiting(entry), false, [engine]);
      return begun(engine);
    },
  };
}

function toWaiting({ bytes, position }: LogEntry): Waiting {
  return { record: JSON.parse(bytes) as InstanceRecord, position };
}

/** A log that is read one entry a turn, so that other things happen in between. */
export function slowly(log: Log, clock: SimulatedClock): Log {
  return {
    ...log,
    async *readAll(after) {
      for await (const entry of log.readAll(after)) {
        await clock.turn();
        yield entry;
      }
    },
  };
}

export async function until(clock: SimulatedClock, holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns++) {
    if (turns >= TURNS_MAX) throw new Error(`not within ${TURNS_MAX} turns`);
    await clock.turn();
  }
}

/** Everything that the daemon's projections publish, for comparison. */
export function published(
  { views }: Projections<typeof PROJECTIONS>,
  streams: readonly Stream[],
  now: number,
): unknown {
  return {
    instances: views.instances.list(),
    timelines: streams.map(({ id }) => views.timeline.of(id)),
    durations: streams.map(({ id }) => views.durations.fieldsOf(id, now)),
    wakefulness: streams.map(({ id }) => views.wakefulness.of(id, now)),
    totals: views.totals.read(),
  };
}
