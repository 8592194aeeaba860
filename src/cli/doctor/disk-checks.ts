import { closeSync, existsSync, fdatasyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../actors/contracts/clock.ts';
import { type Check, type Finding, ok, problem, type Surroundings, warning } from './finding.ts';

/** The disk that the log is on: how much room, and how long it takes until something is really there. */

const MIB = 1024 ** 2;
export const FREE_PROBLEM_BYTES = 64 * MIB;
export const FREE_WARNING_BYTES = 1024 * MIB;
/** A command waits for one sync, which it shares with those that come at the same time. */
export const SYNC_WARNING_MS = 20;
const SYNCS = 32;
const SYNC_BYTES = 4_096;
/** What statfs calls file systems that a loss of power empties. */
const IN_MEMORY = [0x01021994, 0x858458f6];

export const checkDisk: Check = async (around) => {
  const place = nearest(around.directory.path);
  const { bavail, bsize, type } = statfsSync(place);
  return [judgeRoom(bavail * bsize), ...judgeKind(type), syncSpeed(around, place)];
};

function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path));
}

export function judgeRoom(free: number): Finding {
  const found = `${Math.floor(free / MIB)} MiB free`;
  const remedy = 'Free room, or move the data directory to a larger disk.';
  if (free < FREE_PROBLEM_BYTES) {
    return problem('disk', found, 'The log will soon take nothing but stops and ends of VMs.', remedy);
  }
  if (free < FREE_WARNING_BYTES)
    return warning('disk', found, 'Records, images and consoles of guests share it.', remedy);
  return ok('disk', found);
}

function judgeKind(type: number): Finding[] {
  if (!IN_MEMORY.includes(type)) return [];
  const means = 'A loss of power or a reboot takes the log with it, whatever is said about durability.';
  return [warning('disk', 'the data directory is in memory', means, 'Name a directory on a disk with --data.')];
}

/** Measured where the log is; where nothing may be written there is nothing to measure. */
function syncSpeed({ clock }: Surroundings, place: string): Finding {
  const file = join(place, `.doctor-${process.pid}`);
  try {
    return judgeSync(medianSync(file, clock));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return warning('sync', `not measured: ${why}`, 'How long a command takes is unknown.', 'See the data directory.');
  } finally {
    rmSync(file, { force: true });
  }
}

function medianSync(file: string, clock: Clock): number {
  const bytes = Buffer.alloc(SYNC_BYTES, 'x');
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    const taken = Array.from({ length: SYNCS }, () => {
      const begun = clock.monotonic();
      writeSync(descriptor, bytes);
      fdatasyncSync(descriptor);
      return clock.monotonic() - begun;
    });
    return taken.sort((a, b) => a - b)[Math.floor(SYNCS / 2)]!;
  } finally {
    closeSync(descriptor);
  }
}

export function judgeSync(ms: number): Finding {
  const found = `${ms.toFixed(2)} ms until 4 KiB are on the disk (median of ${SYNCS})`;
  if (ms <= SYNC_WARNING_MS) return ok('sync', found);
  const means = 'Each command waits at least that long before it is answered.';
  return warning('sync', found, means, 'Put the data directory on a faster disk.');
}
