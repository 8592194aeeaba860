import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import type { JournalLine } from '../../src/adapters/simulator/journal.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { type DaemonLife, startDaemonLife } from '../../src/cli/simulate/daemon-life.ts';
import { definition, OPERATOR, START } from '../actors/simulated-host.ts';
import { LIMIT_MS, runs, SLOW_SHARE } from './runs.ts';

/**
 * Several guests under one cap of standbys. The model is two sentences: at no instant are more guests paused than the cap
 * says; and who is idle long enough sleeps, whoever waits before him, and nobody else does.
 */

const GUESTS = 6;
const IDLE_MS = 60_013;
/** How long the memory of a guest takes to be written. */
const WRITE_MS = 2_003;
const CLIENT = '203.0.113.7:5000->80';

const guest = fc.nat({ max: GUESTS - 1 });
const moves = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('open' as const), guest }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('close' as const), guest }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wake' as const), guest }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 10, max: 30_000 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait until due' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const), ms: fc.integer({ min: 0, max: 90_000 }) }) },
);
type Move = typeof moves extends fc.Arbitrary<infer T> ? T : never;

interface Scene {
  readonly clock: SimulatedClock;
  readonly control: SimulatorControl;
  readonly ids: readonly string[];
  readonly talkedTo: Set<string>;
  readonly problems: readonly string[];
  life: DaemonLife;
  readonly begin: () => Promise<DaemonLife>;
}

async function sceneOf(standbyAtOnce: number): Promise<Scene> {
  const clock = new SimulatedClock(START);
  const random = seededRandom(7, clock);
  const world = createWorld({ clock, random: seededRandom(2, clock) });
  const log = createMemoryLog();
  const host = { standbyAtOnce };
  const problems: string[] = [];
  const report = (problem: string): void => void problems.push(problem);
  const begin = (): Promise<DaemonLife> =>
    startDaemonLife({ clock, random, log, world, clockSteps: false, host, onRecord: () => {}, report });
  const life = await begin();
  const control = controlSimulator({ world, clock });
  const ids: string[] = [];
  const auto_standby = { enabled: true, idle_timeout_ms: IDLE_MS };
  for (let n = 0; n < GUESTS; n++) {
    const { id } = await life.supervisor.create(definition({ name: `vm-${n}`, auto_standby }), 'running', OPERATOR);
    await control.setFault(id, 'snapshot', { slow: WRITE_MS });
    ids.push(id);
  }
  await clock.advance(1_500);
  return { clock, control, ids, talkedTo: new Set(), problems, life, begin };
}

async function make(scene: Scene, move: Move): Promise<void> {
  const { clock, control, ids, talkedTo } = scene;
  switch (move.do) {
    case 'open':
      talkedTo.add(ids[move.guest]!);
      await control.traffic(ids[move.guest]!, { open: CLIENT });
      break;
    case 'close':
      talkedTo.delete(ids[move.guest]!);
      await control.traffic(ids[move.guest]!, { close: CLIENT });
      break;
    case 'wake':
      // Whoever does not sleep refuses it, or runs already.
      await scene.life.supervisor.command(ids[move.guest]!, { type: 'restore', by: 'ann' }, OPERATOR).catch(() => null);
      break;
    case 'wait':
      await clock.advance(move.ms);
      break;
    case 'wait until due':
      await clock.advance(IDLE_MS + WRITE_MS - 1);
      break;
    case 'kill':
      scene.life.kill();
      await clock.advance(move.ms);
      scene.life = await scene.begin();
      break;
  }
  await clock.settle();
}

/** The most guests that were paused at one instant, as the world saw it. */
function pausedAtOnce(lines: readonly JournalLine[]): number {
  const paused = new Set<string>();
  let most = 0;
  for (const line of lines) {
    if (line.type === 'vmm.paused') paused.add(line.instance);
    if (line.type === 'vmm.resumed' || line.type === 'vmm.ended') paused.delete(line.instance);
    most = Math.max(most, paused.size);
  }
  return most;
}

const asleepIn = ({ ids, control }: Scene): Promise<boolean[]> =>
  Promise.all(ids.map(async (id) => (await control.countVmms(id)) === 0));

describe('standbys of several guests', () => {
  it('are never more at once than the cap, and nobody waits for ever', { timeout: LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(moves, { minLength: 5, maxLength: 25 }),
        async (cap, row) => {
          const scene = await sceneOf(cap);
          for (const move of row) await make(scene, move);
          const before = await asleepIn(scene);
          await scene.clock.advance(IDLE_MS + 10_000 + GUESTS * (WRITE_MS + 10_000));
          expect(pausedAtOnce(await scene.control.journal())).toBeLessThanOrEqual(cap);
          // Who comes to a sleeper does not wake it.
          const shouldSleep = scene.ids.map((id, index) => !scene.talkedTo.has(id) || before[index]);
          expect(await asleepIn(scene)).toEqual(shouldSleep);
          expect(scene.problems).toEqual([]);
          scene.life.kill();
        },
      ),
      runs(40, SLOW_SHARE),
    );
  });
});
