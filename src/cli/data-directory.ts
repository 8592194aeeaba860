import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Random } from '../actors/contracts/clock.ts';
import { hostProcesses, isRunning, type ProcessTable, parseStat } from '../actors/contracts/process-identity.ts';

/** The data directory of one daemon: what lies where, and what of it only the owner may read. */
export interface DataDirectory {
  readonly path: string;
  readonly images: string;
  readonly instances: string;
  readonly nats: string;
  readonly outbox: string;
  readonly secrets: string;
  readonly log: string;
  readonly hooks: string;
  readonly tokenFile: string;
  readonly endpointsFile: string;
  readonly versionFile: string;
  readonly lockFile: string;
  readonly lockOwnerFile: string;
}

const OWNER_ONLY_FILE = 0o600;
const TOKEN_BYTES = 32;

export function dataDirectory(path: string): DataDirectory {
  const root = resolve(path);
  return {
    path: root,
    images: join(root, 'images'),
    instances: join(root, 'instances'),
    nats: join(root, 'nats'),
    outbox: join(root, 'outbox'),
    secrets: join(root, 'secrets'),
    log: join(root, 'log'),
    hooks: join(root, 'hooks'),
    tokenFile: join(root, 'token'),
    endpointsFile: join(root, 'endpoints.json'),
    versionFile: join(root, 'version'),
    lockFile: join(root, 'lock'),
    lockOwnerFile: join(root, 'lock.owner'),
  };
}

/** The admin token, made once. */
export function ensureToken(directory: DataDirectory, random: Random): string {
  if (!existsSync(directory.tokenFile)) writePrivately(directory.tokenFile, `${random.hex(TOKEN_BYTES)}\n`);
  return readFileSync(directory.tokenFile, 'utf8').trim();
}

const endpointsSchema = z.object({
  pid: z.int().positive(),
  http: z.string(),
  /** With user and password; null when there is no NATS door. */
  nats: z.string().nullable(),
  token_file: z.string(),
});
/** Where a running daemon can be reached: what DIR/endpoints.json holds. */
export type Endpoints = z.infer<typeof endpointsSchema>;

export function writeEndpoints(directory: DataDirectory, endpoints: Endpoints): void {
  writePrivately(directory.endpointsFile, `${JSON.stringify(endpoints)}\n`);
}

/** Null when no daemon has said where it is. */
export function readEndpoints(directory: DataDirectory): Endpoints | null {
  try {
    return endpointsSchema.parse(JSON.parse(readFileSync(directory.endpointsFile, 'utf8')));
  } catch {
    return null;
  }
}

/** Whether the process that wrote this still runs. A daemon that was killed leaves it behind. */
export function isServed({ pid }: Endpoints, processes: Pick<ProcessTable, 'stat'> = hostProcesses): boolean {
  const text = processes.stat(pid);
  const stat = text === null ? null : parseStat(text);
  return stat !== null && isRunning(stat);
}

/** Only its own: another daemon may have written there since. */
export function removeEndpoints(directory: DataDirectory): void {
  if (readEndpoints(directory)?.pid === process.pid) rmSync(directory.endpointsFile, { force: true });
}

/** Beside it and renamed, so that a reader never sees half of it. */
export function writePrivately(file: string, text: string): void {
  const beside = `${file}.${process.pid}.new`;
  writeFileSync(beside, text, { mode: OWNER_ONLY_FILE });
  renameSync(beside, file);
}
