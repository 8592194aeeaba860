import type { Definition } from '../../machines/definition.ts';
import type { SimulatedClock } from '../../src/actors/clock.ts';
import type { InstanceCommand } from '../../src/actors/supervisor.ts';
import type { SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { PLAIN } from '../machines/definitions.ts';

/** What happens to the one instance of a world whose moments are interfered with. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

export interface Played {
  readonly world: SimulatorControl;
  readonly id: string;
  readonly clock: SimulatedClock;
  /** As an operator; what becomes of it is not waited for. */
  readonly command: (command: InstanceCommand) => void;
  /** Makes an instance that begins with a snapshot of this one. */
  readonly fork: (snapshot: string) => void;
}

export interface Scene {
  readonly definition: Definition;
  /** What is done before its moments count, once the guest is ready. */
  readonly before?: (played: Played) => Promise<void>;
  readonly act: (played: Played) => Promise<void>;
}

const RESTARTED: Definition = {
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
};

/** It may be that the guest was stopped before. */
const crash = ({ world, id }: Played): Promise<void> => world.guestExit(id, 1).catch(() => {});

/** In its first half minute. */
export const RESTART_SCENES: Readonly<Record<string, Scene>> = {
  'a backoff and the boot after it': {
    definition: RESTARTED,
    act: async (played) => {
      await crash(played);
      await played.clock.advance(2 * SECOND);
      await crash(played);
      await played.clock.advance(10 * SECOND);
    },
  },
  'a health restart': {
    definition: RESTARTED,
    act: async ({ world, id, clock }) => {
      await world.setProbe(id, 'fail');
      await clock.advance(2 * SECOND + 500);
      await world.setProbe(id, 'pass');
      await clock.advance(10 * SECOND);
    },
  },
  'a health restart that has to wait': {
    definition: RESTARTED,
    act: async (played) => {
      const { world, id, clock } = played;
      await crash(played);
      await clock.advance(2 * SECOND);
      await world.setProbe(id, 'fail');
      await clock.advance(5 * SECOND);
      await world.setProbe(id, 'pass');
      await clock.advance(10 * SECOND);
    },
  },
};

const IDLE_MS = 30 * SECOND;
/** The guest is ready some seconds before its moments count. */
const AFTER_IDLE_MS = 40 * SECOND;
const asleep = { ...PLAIN, stop_timeout_ms: 5 * SECOND };

export const STANDBY: Scene = {
  definition: { ...asleep, auto_standby: { enabled: true, idle_timeout_ms: IDLE_MS } },
  act: ({ clock }) => clock.advance(AFTER_IDLE_MS),
};

export const RESTORE: Scene = {
  definition: asleep,
  before: async ({ clock, command }) => {
    command({ type: 'standby', by: 'test' });
    await clock.advance(10 * SECOND);
  },
  act: async ({ clock, command }) => {
    command({ type: 'restore', by: 'test' });
    await clock.advance(10 * SECOND);
  },
};

/** It cannot be taken up, because of what the world does once. */
const notWoken = (fault: 'fail' | 'hang' | 'hang_after', forMs: number): Scene => ({
  definition: asleep,
  before: async (played) => {
    await RESTORE.before?.(played);
    await played.world.setFault(played.id, 'restore', fault, 1);
  },
  act: async ({ clock, command }) => {
    command({ type: 'restore', by: 'test' });
    await clock.advance(forMs);
  },
});

export const REFUSED_RESTORE = notWoken('fail', 10 * SECOND);
export const LATE_RESTORE = notWoken('hang', 2 * MINUTE);
/** It is done, and nobody hears of it. */
export const UNHEARD_RESTORE = notWoken('hang_after', 2 * MINUTE);

const KEPT = 'kept';

/** A snapshot under a name is made of a guest that runs. */
export const CAPTURE: Scene = {
  definition: asleep,
  act: async ({ clock, command }) => {
    command({ type: 'create_snapshot', by: 'test', name: KEPT });
    await clock.advance(10 * SECOND);
  },
};

/** The same of a guest that sleeps. */
export const COPY: Scene = { definition: asleep, before: RESTORE.before!, act: CAPTURE.act };

/** A guest that was stopped goes on from a snapshot that was made earlier. */
export const REVERT: Scene = {
  definition: asleep,
  before: async (played) => {
    await CAPTURE.act(played);
    played.command({ type: 'stop', by: 'test' });
    await played.clock.advance(10 * SECOND);
  },
  act: async ({ clock, command }) => {
    command({ type: 'restore_snapshot', by: 'test', name: KEPT, then: 'running' });
    await clock.advance(10 * SECOND);
  },
};

/** Another instance begins with a snapshot of a guest that runs on. */
export const FORK: Scene = {
  definition: asleep,
  before: CAPTURE.act,
  act: async ({ clock, fork }) => {
    fork(KEPT);
    await clock.advance(10 * SECOND);
  },
};
