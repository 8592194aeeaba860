import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/actors/clock.ts';
import {
  type DaemonEnd,
  type DaemonProcess,
  type DoorAndToken,
  errorsFile,
  startDaemonProcess,
  type TestedHypervisor,
  type TestedNetwork,
} from './daemon-process.ts';
import { type FaultPlan, NO_FAULTS } from './fault-plan.ts';

/** Characters of what a daemon said before it ended. */
const LAST_WORDS = 2_000;

/** Keeps one daemon after the other alive on one data directory, and tells clients where the present one listens. */
export interface Keeper {
  /** Waits for a daemon that is ready. */
  door(): Promise<DoorAndToken>;
  /** Starts the next one; null when it died before it was ready. */
  start(plan?: FaultPlan): Promise<{ readonly daemon: DaemonProcess; readonly door: DoorAndToken | null }>;
  /** Starts one without faults; throws with its last words when it ends instead. */
  startReady(): Promise<DoorAndToken>;
  /** Waits until the daemon has ended by itself; kills it when it has not after `limitMs`. True: by itself. */
  endsWithin(limitMs: number): Promise<boolean>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<DaemonEnd | null>;
  readonly starts: () => number;
}

export function createKeeper(
  directory: string,
  hypervisor: TestedHypervisor,
  network: TestedNetwork | null = null,
): Keeper {
  const clock = systemClock();
  let present: DaemonProcess | null = null;
  let starts = 0;
  let waiting = Promise.withResolvers<DoorAndToken>();
  let open = false;
  const close = (): void => {
    if (open) waiting = Promise.withResolvers<DoorAndToken>();
    open = false;
  };
  const start: Keeper['start'] = async (plan = NO_FAULTS) => {
    const daemon = startDaemonProcess(directory, hypervisor, plan, 'sqlite', network);
    present = daemon;
    starts += 1;
    void daemon.ended.then(() => {
      if (present === daemon) close();
    });
    const door = await daemon.ready();
    if (door !== null && !daemon.gone()) {
      open = true;
      waiting.resolve(door);
    }
    return { daemon, door };
  };
  return {
    door: () => waiting.promise,
    starts: () => starts,
    start,
    startReady: async () => {
      const { door } = await start();
      if (door !== null) return door;
      throw new Error(`the daemon did not start: ${readFileSync(errorsFile(directory), 'utf8').slice(-LAST_WORDS)}`);
    },
    endsWithin: async (limitMs) => {
      if (present === null) return true;
      const over = new AbortController();
      const late = clock.sleep(limitMs, over.signal);
      const byItself = await Promise.race([present.ended.then(() => true), late.then((slept) => !slept)]);
      over.abort();
      if (!byItself) await present.kill('SIGKILL');
      return byItself;
    },
    kill: async (signal) => (present === null ? null : present.kill(signal)),
  };
}
