/**
 * Goal: what is rebuilt from the log is what was taken in record by record, whatever happens meanwhile. Method: random
 * interleavings of recorded histories, of their publication and of rebuilds that read the log slowly.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import type { Log } from '../../src/actors/contracts/log.ts';
import { LogUnavailableError } from '../../src/actors/contracts/log-error.ts';
import { PROJECTIONS } from '../../src/projections/all-projections.ts';
import { REBUILD_RETRY_MS } from '../../src/projections/engine/projections.ts';
import { LATE_MAX } from '../../src/projections/engine/rebuild.ts';
import { recordedHistories } from '../histories/recorded.ts';
import { type ProjectionScene, projectionScene, published, SCENE_START_MS, slowly, until } from './projection-scene.ts';

const NAMES = Object.keys(PROJECTIONS) as (keyof typeof PROJECTIONS)[];
const NOW = SCENE_START_MS + 24 * 3_600_000;
const RUNS = 60;
const SEED = 20_261_126;

const acts = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ act: fc.constant('append' as const), at: fc.nat(999) }) },
    { weight: 8, arbitrary: fc.record({ act: fc.constant('publish' as const), at: fc.nat(999) }) },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('turn' as const), at: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('rebuild' as const), at: fc.nat(999) }) },
  ),
  { minLength: 50, maxLength: 200 },
);

async function publishAll({ streams }: ProjectionScene): Promise<void> {
  for (const stream of streams) while (await stream.append());
  for (const stream of streams) while (stream.publish());
}

async function appendSome({ streams }: ProjectionScene, share: number): Promise<void> {
  for (let n = 0; n < share; n++) for (const stream of streams) if (await stream.append()) stream.publish();
}

describe('a rebuild', () => {
  test('gives what was taken in one by one, whatever is published meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (script) => {
        const scene = projectionScene(14);
        const { streams, clock, log } = scene;
        const incremental = await scene.engine(PROJECTIONS);
        const rebuilt = await scene.engine(PROJECTIONS, slowly(log, clock));
        const rebuilds: Promise<void>[] = [];
        for (const { act, at } of script) {
          const stream = streams[at % streams.length]!;
          if (act === 'append') await stream.append();
          else if (act === 'publish') stream.publish();
          else if (act === 'rebuild') rebuilds.push(rebuilt.rebuild([NAMES[at % NAMES.length]!]));
          else for (let turns = 0; turns < at; turns++) await clock.turn();
        }
        for (const name of NAMES) rebuilds.push(rebuilt.rebuild([name]));
        // Some read what is appended and will be published only after they have switched over.
        await Promise.all(rebuilds);
        await publishAll(scene);
        expect(published(rebuilt, streams, NOW)).toEqual(published(incremental, streams, NOW));
        expect(rebuilt.status()).toEqual(incremental.status());
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  test('and what a restarted daemon builds from heads and log is the same again, but for what counts from its start', async () => {
    const scene = projectionScene(12);
    const first = await scene.engine(PROJECTIONS);
    await publishAll(scene);
    const second = await scene.restartedEngine(PROJECTIONS);
    const { totals, ...all } = published(first, scene.streams, NOW) as { totals: { transitions: object } };
    const { totals: afresh, ...same } = published(second, scene.streams, NOW) as { totals: { transitions: object } };
    expect(same).toEqual(all);
    expect(Object.keys(totals.transitions).length).toBeGreaterThan(10);
    expect(afresh.transitions).toEqual({});
  });

  test('leaves readers the old rows until the moment it switches over', async () => {
    const scene = projectionScene(3);
    const engine = await scene.engine(PROJECTIONS, slowly(scene.log, scene.clock));
    await appendSome(scene, 2);
    const before = published(engine, scene.streams, NOW);
    const rebuilding = engine.rebuild(['instances']);
    await scene.clock.turn();
    expect(engine.status().instances).toMatchObject({ rebuilding: true, lag_ms: 0 });
    expect(published(engine, scene.streams, NOW)).toEqual(before);
    await rebuilding;
    expect(engine.status().instances?.rebuilding).toBe(false);
    expect(published(engine, scene.streams, NOW)).toEqual(before);
  });

  test('keeps those who watch', async () => {
    const scene = projectionScene(1);
    const engine = await scene.engine(PROJECTIONS);
    const seen: number[] = [];
    engine.views.instances.watch(({ record }) => seen.push(record.version));
    await appendSome(scene, 1);
    await engine.rebuild(['instances']);
    await appendSome(scene, 2);
    expect(seen).toEqual([1, 2, 3]);
  });

  test('reads on in the log when more is published meanwhile than is kept', async () => {
    const scene = projectionScene(1_100);
    const engine = await scene.engine(PROJECTIONS, slowly(scene.log, scene.clock));
    const incremental = await scene.engine(PROJECTIONS);
    await appendSome(scene, 1);
    const rebuilding = engine.rebuild(['durations']);
    await publishAll(scene);
    await rebuilding;
    let records = 0;
    for await (const _ of scene.log.readAll(null)) records += 1;
    expect(records - scene.streams.length).toBeGreaterThan(LATE_MAX);
    expect(published(engine, scene.streams, NOW)).toEqual(published(incremental, scene.streams, NOW));
  });

  test('of what counts from the start of the process begins there again', async () => {
    const scene = projectionScene(12);
    await appendSome(scene, 3);
    const engine = await scene.restartedEngine({ totals: PROJECTIONS.totals });
    await appendSome(scene, 1);
    const before = engine.views.totals.read();
    expect(Object.values(before.transitions).reduce((sum, count) => sum + count, 0)).toBe(scene.streams.length);
    await engine.rebuild(['totals']);
    expect(engine.views.totals.read()).toEqual(before);
    expect(engine.status().totals?.parked.total).toBe(0);
  });

  test('still shows what the runtime has set aside as the runtime shows it', async () => {
    const scene = projectionScene(2);
    const engine = await scene.engine(PROJECTIONS);
    await appendSome(scene, 2);
    const { id } = scene.streams[0]!;
    const record = parseRecord((await scene.log.head(id))!.bytes);
    const value = { ...(record.state.value as object), lifecycle: 'quarantined' } as typeof record.state.value;
    const shown = { ...record, state: { ...record.state, value } };
    const definition = recordedHistories(1)[0]!.records[0]!.definition!;
    engine.take({ record: shown, definition, position: '9', live: false, setAside: true });
    expect(engine.views.instances.get(id)?.phase).toBe('quarantined');
    await engine.rebuild(['instances']);
    expect(engine.views.instances.get(id)?.phase).toBe('quarantined');
    expect(engine.views.instances.list()).toHaveLength(2);
  });

  test('that is asked for twice is one', async () => {
    const scene = projectionScene(1);
    let readings = 0;
    const log: Log = {
      ...scene.log,
      readAll: (after) => {
        readings += 1;
        return scene.log.readAll(after);
      },
    };
    const engine = await scene.engine({ totals: PROJECTIONS.totals }, log);
    await Promise.all([engine.rebuild(['totals']), engine.rebuild(['totals'])]);
    expect(readings).toBe(1);
  });

  test('of a log that cannot be read begins again later, and readers keep what they have', async () => {
    const scene = projectionScene(2);
    let failing = true;
    const log: Log = {
      ...scene.log,
      readAll: (after) => {
        if (failing) throw new LogUnavailableError('gone');
        return scene.log.readAll(after);
      },
    };
    const engine = await scene.engine({ instances: PROJECTIONS.instances }, log);
    await appendSome(scene, 2);
    const rebuilding = engine.rebuild(['instances']);
    await until(scene.clock, () => scene.problems.length > 0);
    expect(scene.problems).toEqual(['The log could not be read to build instances.']);
    expect(engine.views.instances.list()).toHaveLength(2);
    failing = false;
    await scene.clock.advance(REBUILD_RETRY_MS);
    await rebuilding;
    expect(engine.status().instances).toMatchObject({ rebuilding: false });
  });
});
