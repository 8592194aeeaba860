import { AddressPool } from '../../actors/address-pool.ts';
import { sleepOn } from '../../actors/clock.ts';
import type { ActivitySource } from '../../actors/contracts/activity.ts';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import { createSupervisor } from '../../actors/create-supervisor.ts';
import type { Published, Supervisor, SupervisorOptions } from '../../actors/supervisor.ts';
import { createSimulatedActivity } from '../../adapters/simulator/simulated-activity.ts';
import { createSimulatedNetwork } from '../../adapters/simulator/simulated-network.ts';
import { createSimulatedProber } from '../../adapters/simulator/simulated-prober.ts';
import { createSimulator } from '../../adapters/simulator/simulator.ts';
import type { World } from '../../adapters/simulator/world.ts';
import { siteOf } from '../daemon/network.ts';

/**
 * One life of the daemon within a scenario. Killing it is what SIGKILL is to a process: from that instant on no
 * callback of it is called, none of its promises resolves, nothing more is appended or asked of the world. Entries of
 * the log whose append was acknowledged are there for the next life; the world goes on.
 */
export interface DaemonLife {
  readonly supervisor: Supervisor;
  /** What the daemon knows of connections. */
  readonly activity: ActivitySource;
  kill(): void;
}

export interface DaemonLifeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly world: World;
  /** Whether the wall clock of this scenario is ever stepped. */
  readonly clockSteps: boolean;
  /** What its host has for VMs, and its programs. */
  readonly host: Pick<
    SupervisorOptions,
    'capacity' | 'bootsAtOnce' | 'standbyAtOnce' | 'restartLimit' | 'hooks' | 'faults'
  >;
  readonly onRecord: (published: Published) => void;
  readonly report: (message: string) => void;
}

/** How often a daemon compares its clocks in a scenario that steps one of them. */
const CLOCK_LOOK_MS = 1_000;

interface Breath {
  alive: boolean;
  readonly timers: Set<() => void>;
}

/** Each life finds an empty host, and gives every guest the address it had. */
function simulatedBridge(): Pick<SupervisorOptions, 'addresses' | 'network'> {
  const wanted = siteOf({ bridge: 'simulated' }, () => 'simulation');
  if (wanted === null) return {};
  return { addresses: new AddressPool(wanted.range), network: createSimulatedNetwork(wanted.site) };
}

export async function startDaemonLife(options: DaemonLifeOptions): Promise<DaemonLife> {
  const { random, world } = options;
  const breath: Breath = { alive: true, timers: new Set() };
  const clock = mortalClock(options.clock, breath);
  const hypervisor = createSimulator({ world, clock });
  const activity = createSimulatedActivity({ world, clock });
  const supervisor = await createSupervisor({
    log: mortalLog(options.log, breath),
    hypervisor,
    prober: createSimulatedProber({ world }),
    activity,
    ...simulatedBridge(),
    ...options.host,
    clock,
    random,
    clockLookMs: options.clockSteps ? CLOCK_LOOK_MS : Number.POSITIVE_INFINITY,
    onRecord: (published) => {
      if (breath.alive) options.onRecord(published);
    },
    report: ({ instance, message, error }) => {
      const cause = error instanceof Error ? ` ${error.message}` : '';
      if (breath.alive) options.report(`${instance ?? 'daemon'}: ${message}${cause}`);
    },
  });
  return {
    supervisor,
    activity,
    kill() {
      breath.alive = false;
      for (const cancel of breath.timers) cancel();
      breath.timers.clear();
      void hypervisor.close();
      void activity.close();
    },
  };
}

/** Passes a promise on for as long as its owner lives; after that it never settles. */
function whileAlive<T>(breath: Breath, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    promise.then(
      (value) => {
        if (breath.alive) resolve(value);
      },
      (error: unknown) => {
        if (breath.alive) reject(error);
      },
    );
  });
}

function mortalClock(clock: Clock, breath: Breath): Clock {
  const after: Clock['after'] = (delayMs, callback) => {
    if (!breath.alive) return () => {};
    const cancel = clock.after(delayMs, () => {
      breath.timers.delete(cancel);
      callback();
    });
    breath.timers.add(cancel);
    return () => {
      breath.timers.delete(cancel);
      cancel();
    };
  };
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after,
    sleep: (delayMs, signal) => sleepOn({ after }, delayMs, signal),
    turn: () => whileAlive(breath, clock.turn()),
  };
}

function mortalLog(log: Log, breath: Breath): Log {
  return {
    ...log,
    append: (...args) => (breath.alive ? whileAlive(breath, log.append(...args)) : new Promise(() => {})),
    head: (stream) => whileAlive(breath, log.head(stream)),
  };
}
