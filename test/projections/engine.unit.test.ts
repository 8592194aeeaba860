/** Goal: projections are current, tell how current, and one with a bug harms no other. Method: the engine over recorded histories. */
import { describe, expect, test } from 'vitest';
import type { Log } from '../../src/actors/contracts/log.ts';
import { PROJECTIONS } from '../../src/projections/all-projections.ts';
import { PARKED_MAX } from '../../src/projections/engine/parked-records.ts';
import type { Projection, Rows } from '../../src/projections/engine/projection.ts';
import { createProjections } from '../../src/projections/engine/projections.ts';
import { listed } from '../../src/projections/engine/running-projection.ts';
import { definition, simulatedHost } from '../actors/simulated-host.ts';
import { projectionScene, SCENE_START_MS, slowly, until } from './projection-scene.ts';

interface Count {
  readonly records: number;
}

/** Counts records by stream and fails on every one of this event. */
function failingOn(event: string): Projection<Count, Rows<Count>> {
  return {
    name: 'failing',
    version: 1,
    start: 'log',
    fold: (row, { record }) => {
      if (record.event.type === event) throw new Error(`cannot read ${event}`);
      return { records: (row?.records ?? 0) + 1 };
    },
    publish: (rows) => rows,
  };
}

describe('a record on which a projection throws', () => {
  test('is parked with its place and its error, and everything else goes on', async () => {
    const scene = projectionScene(3);
    const engine = await scene.engine({ ...PROJECTIONS, failing: listed(failingOn('create')) });
    for (const stream of scene.streams) for (let n = 0; n < 3; n++) if (await stream.append()) stream.publish();
    const { parked } = engine.status().failing!;
    expect(parked.total).toBe(3);
    expect(parked.first[0]).toEqual({
      position: expect.stringMatching(/1$/),
      stream: scene.streams[0]!.id,
      version: 1,
      error: 'cannot read create',
    });
    expect(scene.streams.map(({ id }) => engine.views.failing.get(id)?.records)).toEqual([2, 2, 2]);
    expect(engine.views.instances.list().map(({ version }) => version)).toEqual([3, 3, 3]);
    expect(scene.problems[0]).toBe('The projection failing could not take in version 1; it is parked.');
  });

  test('is tried again by a rebuild, which parks what still fails', async () => {
    const scene = projectionScene(1);
    let broken = true;
    const healing = failingOn('create');
    const engine = await scene.engine({
      failing: listed({
        ...healing,
        fold: (row, recorded) => (broken ? healing.fold(row, recorded) : { records: (row?.records ?? 0) + 1 }),
      }),
    });
    await scene.streams[0]!.append();
    scene.streams[0]!.publish();
    await engine.rebuild(['failing']);
    expect(engine.status().failing?.parked.total).toBe(1);
    broken = false;
    await engine.rebuild(['failing']);
    expect(engine.status().failing?.parked.total).toBe(0);
    expect(engine.views.failing.get(scene.streams[0]!.id)).toEqual({ records: 1 });
  });

  test('is kept by name up to a bound, and counted past it', async () => {
    const scene = projectionScene(PARKED_MAX + 5);
    const engine = await scene.engine({ failing: listed(failingOn('create')) });
    for (const stream of scene.streams) if (await stream.append()) stream.publish();
    const { parked } = engine.status().failing!;
    expect([parked.total, parked.first.length]).toEqual([PARKED_MAX + 5, PARKED_MAX]);
  });

  test('also when it is no record at all: a rebuild passes it', async () => {
    const scene = projectionScene(1);
    await scene.log.append('0'.repeat(26), null, 'not a record');
    await scene.streams[0]!.append();
    const engine = await scene.engine({ durations: PROJECTIONS.durations });
    expect(engine.status().durations?.parked.first[0]).toMatchObject({ stream: '0'.repeat(26), version: 1 });
    expect(engine.views.durations.fieldsOf(scene.streams[0]!.id, SCENE_START_MS)).toBeDefined();
  });
});

describe('lag', () => {
  test('is told while a projection is still reading the log, and nothing of it is shown until then', async () => {
    const scene = projectionScene(4);
    for (const stream of scene.streams) while (await stream.append()) stream.publish();
    const engine = await scene.engine({ instances: PROJECTIONS.instances });
    expect(engine.status().instances).toMatchObject({ rebuilding: false, lag_ms: 0 });
    const reading = await lateEngine(scene, slowly(scene.log, scene.clock));
    expect(reading.status().durations).toMatchObject({ rebuilding: true, lag_ms: null });
    expect(reading.views.durations.fieldsOf(scene.streams[0]!.id, SCENE_START_MS)).toBeUndefined();
    await until(scene.clock, () => reading.status().durations!.lag_ms !== null);
    await until(scene.clock, () => !reading.status().durations!.rebuilding);
    expect(reading.status().durations).toMatchObject({ lag_ms: 0 });
  });
});

/** Has been told to start, and is left to it. */
async function lateEngine(scene: ReturnType<typeof projectionScene>, log: Log) {
  const engine = await createProjections(
    { durations: PROJECTIONS.durations },
    { log, clock: scene.clock, report: () => {} },
  );
  engine.start();
  return engine;
}

test('what is acknowledged is in every projection', async () => {
  const scene = projectionScene(0);
  const engine = await scene.engine(PROJECTIONS);
  const host = await simulatedHost({ onRecord: engine.take });
  const { id } = await host.supervisor.create(definition(), 'running', { actor: 'ada', via: 'http' });
  expect(engine.views.instances.get(id)?.version).toBe(1);
  expect(engine.views.durations.fieldsOf(id, host.clock.now())?.current_phase).toBe('created');
  expect(engine.views.timeline.of(id)?.entries.map(({ phase }) => phase)).toEqual(['preparing']);
  expect(engine.views.totals.read().transitions).toEqual({ create: 1 });
  await host.supervisor.close();
});
