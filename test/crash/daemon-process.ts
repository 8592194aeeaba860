import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/actors/clock.ts';
import { findWorldProcess } from '../../src/adapters/simulator/world-place.ts';
import { dataDirectory, readEndpoints } from '../../src/cli/data-directory.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { endProcessesOf, temporaryDirectory } from '../left-processes.ts';
import { type FaultPlan, NO_FAULTS, PLAN_VARIABLE } from './fault-plan.ts';

/** Starts daemons under test as processes of their own, and ends them by their pid. */

export type TestedHypervisor = 'simulator' | 'qemu';

export interface DaemonEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface DaemonProcess {
  readonly pid: number;
  /** Settles when the process is gone. */
  readonly ended: Promise<DaemonEnd>;
  /** True once `ended` has settled. */
  readonly gone: () => boolean;
  /** Where it listens and its token, when it is ready; null when it ended before it was. */
  ready(): Promise<DoorAndToken | null>;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<DaemonEnd>;
}

export interface DoorAndToken {
  readonly url: string;
  readonly token: string;
}

const PROGRAM = join(import.meta.dirname, 'daemon-with-faults.ts');
const READY_LIMIT_MS = 60_000;
const READY_LOOK_MS = 10;
const WORLD_END_LIMIT_MS = 5_000;

/** What the daemon says goes to `DIR/../daemon.err`. */
export function errorsFile(directory: string): string {
  return `${directory}.err`;
}

/** The network in which a daemon is started, and its bridge there. */
export interface TestedNetwork {
  /** Put before its command, starts it inside a namespace. */
  readonly enter: readonly string[];
  readonly bridge: string;
}

export function startDaemonProcess(
  directory: string,
  hypervisor: TestedHypervisor,
  plan: FaultPlan = NO_FAULTS,
  log: 'sqlite' | 'memory' = 'sqlite',
  network: TestedNetwork | null = null,
): DaemonProcess {
  const errors = openSync(errorsFile(directory), 'a', 0o600);
  const command = [process.execPath, PROGRAM, directory, hypervisor, log];
  const [file = '', ...args] = network === null ? command : [...network.enter, ...command, network.bridge];
  const child = spawn(file, args, {
    // Most of a start is compiling modules, which need not be done hundreds of times.
    env: { NODE_COMPILE_CACHE: `${directory}.cache`, ...process.env, [PLAN_VARIABLE]: JSON.stringify(plan) },
    stdio: ['ignore', errors, errors],
  });
  closeSync(errors);
  const { pid } = child;
  if (pid === undefined) throw new Error('the daemon under test could not be started');
  let gone = false;
  const ended = new Promise<DaemonEnd>((resolve) => {
    child.once('exit', (code, signal) => {
      gone = true;
      resolve({ code, signal });
    });
  });
  const clock = systemClock();
  return {
    pid,
    ended,
    gone: () => gone,
    ready: async () => {
      const place = dataDirectory(directory);
      const until = clock.monotonic() + READY_LIMIT_MS;
      while (!gone && clock.monotonic() < until) {
        const endpoints = readEndpoints(place);
        if (endpoints?.pid === pid) {
          return { url: endpoints.http, token: readFileSync(endpoints.token_file, 'utf8').trim() };
        }
        await clock.sleep(READY_LOOK_MS);
      }
      if (!gone) throw new Error(`the daemon under test was not ready within ${READY_LIMIT_MS} ms`);
      return null;
    },
    kill: (signal) => {
      if (!gone) child.kill(signal);
      return ended;
    },
  };
}

/** A data directory of its own, short enough for sockets, and what there is to clean up afterwards. */
export async function makeTestedDirectory(): Promise<{ readonly directory: string; destroy(): Promise<void> }> {
  const base = temporaryDirectory('sv-crash-');
  const directory = join(base, 'd');
  return {
    directory,
    destroy: async () => {
      await endWorld(directory);
      endProcessesOf(base);
      await rm(base, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Ends the simulated world of a data directory, and waits for its end. */
export async function endWorld(directory: string): Promise<void> {
  const world = findWorldProcess(directory);
  if (world === null) return;
  process.kill(world.pid, 'SIGKILL');
  await untilTrue(() => findWorldProcess(directory) === null, 'the end of the simulated world', WORLD_END_LIMIT_MS);
}
