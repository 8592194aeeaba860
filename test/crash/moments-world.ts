import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import type { FaultInjector, FaultPoint } from '../../src/actors/fault-points.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { memoryJournal } from '../../src/adapters/simulator/journal.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { type DaemonLife, startDaemonLife } from '../../src/cli/simulate/daemon-life.ts';
import { createInstances } from '../../src/projections/instances.ts';
import { PLAIN } from '../machines/definitions.ts';
import { check } from './checker.ts';
import type { Acknowledgement, Violation } from './evidence.ts';

/**
 * One instance on the simulator, whose life is interfered with at one moment after the other: the real runtime, in
 * simulated time, whose daemon dies as by SIGKILL.
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** How long a dead daemon stays dead. */
const DOWN_MS = 700;
const START_MS = Date.UTC(2026, 0, 1, 12);

const DEFINITION = {
  ...PLAIN,
  boot_timeout_ms: MINUTE,
  stop_timeout_ms: 5 * SECOND,
  restart_policy: { policy: 'always', backoff_ms: 5 * SECOND, max_attempts: 3, stable_after_ms: 10 * MINUTE },
  health_check: {
    target: { type: 'tcp', port: 80 },
    interval_ms: SECOND,
    timeout_ms: SECOND,
    start_period_ms: 0,
    failure_threshold: 2,
    success_threshold: 1,
  },
} as const;

/** It may be that the guest was stopped before. */
const crash = (world: SimulatorControl, id: string): Promise<void> => world.guestExit(id, 1).catch(() => {});

/** What happens to the instance once it runs, in its first half minute. */
export type Scene = (world: SimulatorControl, id: string, clock: SimulatedClock) => Promise<void>;

export const SCENES: Readonly<Record<string, Scene>> = {
  'a backoff and the boot after it': async (world, id, clock) => {
    await crash(world, id);
    await clock.advance(2 * SECOND);
    await crash(world, id);
    await clock.advance(10 * SECOND);
  },
  'a health restart': async (world, id, clock) => {
    await world.setProbe(id, 'fail');
    await clock.advance(2 * SECOND + 500);
    await world.setProbe(id, 'pass');
    await clock.advance(10 * SECOND);
  },
  'a health restart that has to wait': async (world, id, clock) => {
    await crash(world, id);
    await clock.advance(2 * SECOND);
    await world.setProbe(id, 'fail');
    await clock.advance(5 * SECOND);
    await world.setProbe(id, 'pass');
    await clock.advance(10 * SECOND);
  },
};

/** What is done at the moment with the number `nth`. */
export type Interference = 'nothing' | 'stop' | 'kill' | 'stop_and_kill';

export interface Moment {
  readonly point: FaultPoint;
  readonly subject: string;
}

export interface Course {
  /** Everything that was reached from the beginning of the scene on. */
  readonly moments: readonly Moment[];
  readonly phase: string;
  readonly health: string;
  readonly vmms: number;
  readonly spawns: number;
  readonly violations: readonly Violation[];
  /** Whether the stop, where there was one, was acknowledged before the daemon died. */
  readonly acknowledged: boolean;
}

/** Plays a scene to its end, with one interference, and five more minutes after it. */
export async function play(scene: Scene, interference: Interference, nth: number): Promise<Course> {
  const clock = new SimulatedClock(START_MS);
  const random = seededRandom(1, clock);
  const journal = memoryJournal();
  const world = createWorld({ clock, random, journal });
  const control = controlSimulator({ world, clock });
  const log = createMemoryLog();
  const instances = createInstances();
  const moments: Moment[] = [];
  const acknowledged: Acknowledgement[] = [];
  const meta = { actor: 'test', via: 'http' as const };
  let [id, begun, died] = ['', false, false];
  let life: DaemonLife;

  const stop = async (): Promise<void> => {
    const sentAt = clock.now();
    const about = { ...meta, commandId: 'stop-1', digest: 'stop' };
    const { record, position } = await life.supervisor.command(id, { type: 'stop', by: 'test' }, about);
    const answer = { command: 'stop-1', verb: 'stop', instance: id, version: record.version, position, sentAt };
    acknowledged.push({ ...answer, answeredAt: clock.now(), tries: 1 });
  };
  const die = (): Promise<void> => {
    died = true;
    life.kill();
    clock.after(DOWN_MS, () => void begin(false).then((next) => (life = next)));
    return new Promise(() => {});
  };
  const interfere = async (): Promise<void> => {
    if (interference === 'kill') return die();
    if (interference === 'nothing') return;
    const stopped = stop();
    stopped.catch(() => {});
    // A letter that is held has the stop wait behind it; beside an effect it is acknowledged meanwhile.
    await clock.settle();
    if (interference === 'stop_and_kill' && acknowledged.length > 0) return die();
    if (interference === 'stop_and_kill') void stopped.then(die);
  };
  const faults: FaultInjector = (point, { subject }) => {
    if (!begun || died) return undefined;
    moments.push({ point, subject });
    return moments.length === nth ? interfere() : undefined;
  };
  const begin = (withFaults: boolean): Promise<DaemonLife> =>
    startDaemonLife({
      ...{ clock, random, log, world, clockSteps: false },
      host: withFaults ? { faults } : {},
      onRecord: (published) => instances.apply(published),
      report: () => {},
    });

  life = await begin(true);
  ({ id } = await life.supervisor.create(DEFINITION, 'running', meta));
  await clock.advance(5 * SECOND);
  begun = true;
  await scene(control, id, clock);
  await clock.advance(5 * MINUTE);
  const entries: LogEntry[] = [];
  for await (const entry of log.readAll(null)) entries.push(entry);
  const views = new Map(instances.list().map((view) => [view.id, JSON.parse(JSON.stringify(view)) as unknown]));
  const view = instances.get(id)!;
  return {
    moments,
    phase: view.phase,
    health: view.health_status.status,
    vmms: await control.countVmms(id),
    spawns: journal.lines.filter(({ type }) => type === 'vmm.spawned').length,
    violations: check({ journal: journal.lines, entries, acknowledged, refused: [], views }),
    acknowledged: acknowledged.length > 0,
  };
}
