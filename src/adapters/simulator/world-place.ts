import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Where a world that lives in its own process keeps its things: all under `DIR/simulator/`. */
export interface WorldPlace {
  /** The data directory. */
  readonly directory: string;
  /** Path of the program that hosts the world: `worldProgram` of src/cli/simulator-world.ts. */
  readonly program: string;
}

export interface WorldPaths {
  readonly directory: string;
  readonly socket: string;
  readonly identity: string;
  readonly journal: string;
  readonly log: string;
}

export function worldPaths(dataDirectory: string): WorldPaths {
  const directory = join(dataDirectory, 'simulator');
  return {
    directory,
    socket: join(directory, 'world.sock'),
    identity: join(directory, 'world.pid'),
    journal: join(directory, 'journal.ndjson'),
    log: join(directory, 'world.log'),
  };
}

const identitySchema = z.strictObject({ pid: z.int().positive(), start_time: z.string() });
/** A process, told apart from a later one with the same pid by its start time (clock ticks since the host's boot). */
export type WorldIdentity = z.infer<typeof identitySchema>;

/** The start time of a process, null when there is none. */
export function startTimeOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks: fields are counted after it. Start time is field 22 of the line.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch {
    return null;
  }
}

/** The process that hosts the world of a data directory, or null when none lives. */
export function findWorldProcess(dataDirectory: string): WorldIdentity | null {
  try {
    const text = readFileSync(worldPaths(dataDirectory).identity, 'utf8');
    const identity = identitySchema.parse(JSON.parse(text));
    return startTimeOf(identity.pid) === identity.start_time ? identity : null;
  } catch {
    return null;
  }
}

/** Makes `DIR/simulator/`, for its owner's eyes only. */
export function makeWorldDirectory(dataDirectory: string): void {
  mkdirSync(worldPaths(dataDirectory).directory, { recursive: true, mode: 0o700 });
}

/** Longest path the kernel takes for a socket. */
const SOCKET_PATH_MAX = 107;

/** A way to name the world's socket that the kernel accepts, however long the path of the directory is. */
export function shortSocketPath(paths: WorldPaths): { readonly path: string; release(): void } {
  if (Buffer.byteLength(paths.socket) <= SOCKET_PATH_MAX) return { path: paths.socket, release: () => {} };
  const fd = openSync(paths.directory, 'r');
  return { path: `/proc/self/fd/${fd}/world.sock`, release: () => closeSync(fd) };
}
