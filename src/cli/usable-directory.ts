import { accessSync, chmodSync, constants, existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type DataDirectory, writePrivately } from './data-directory.ts';

/** What a daemon asks of its data directory before it touches anything in it. */

/** Version of what lies in the directory and how. A daemon that knows only older ones leaves a newer one alone. */
export const DATA_VERSION = 1;

const OWNER_ONLY = 0o700;

export type DataDirectoryCode =
  | 'data_directory_not_a_directory'
  | 'data_directory_of_somebody_else'
  | 'data_directory_not_writable'
  | 'data_directory_from_newer_version';

/** A directory that no daemon is started on. Its message says what to do. */
export class DataDirectoryError extends Error {
  readonly code: DataDirectoryCode;

  constructor(code: DataDirectoryCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DataDirectoryError';
    this.code = code;
  }
}

/** Makes the directory if it is not there, marks it with its version, and lets nobody but its owner in. */
export function ensureDataDirectory(directory: DataDirectory): void {
  const { path } = directory;
  requireUsable(directory);
  for (const made of [path, directory.images, directory.log]) {
    mkdirSync(made, { recursive: true, mode: OWNER_ONLY });
  }
  chmodSync(path, OWNER_ONLY);
  if (!existsSync(directory.versionFile)) writePrivately(directory.versionFile, `${DATA_VERSION}\n`);
}

/** Throws DataDirectoryError; looks and changes nothing. */
export function requireUsable(directory: DataDirectory): void {
  const { path } = directory;
  const there = existsSync(path) ? path : nearestAbove(path);
  if (!statSync(there).isDirectory()) {
    const message = `${there} is no directory. Name another one with --data.`;
    throw new DataDirectoryError('data_directory_not_a_directory', message);
  }
  if (there === path) {
    requireOurs(path);
    requireKnownVersion(directory);
  }
  requireWritable(there, path);
}

function nearestAbove(path: string): string {
  const above = dirname(path);
  return existsSync(above) ? above : nearestAbove(above);
}

/** What another user's daemon writes here could not be read by the next one of its owner. */
function requireOurs(path: string): void {
  const owner = statSync(path).uid;
  const self = process.geteuid?.() ?? owner;
  if (owner === self) return;
  const todo = `Run as that user, give it to this one with chown -R ${self}, or name another with --data.`;
  const message = `${path} belongs to user ${owner}, and this is user ${self}. ${todo}`;
  throw new DataDirectoryError('data_directory_of_somebody_else', message);
}

/** `path` itself, or where it would be made. */
function requireWritable(looked: string, path: string): void {
  try {
    accessSync(looked, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw notWritable(path, error);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EROFS: 'its file system is mounted read-only',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
};

function notWritable(path: string, error: unknown): DataDirectoryError {
  const why = REASONS[codeOf(error)] ?? (error instanceof Error ? error.message : String(error));
  const message = `${path} cannot be written to: ${why}. Change that, or name another one with --data.`;
  return new DataDirectoryError('data_directory_not_writable', message, error);
}

function requireKnownVersion({ path, versionFile }: DataDirectory): void {
  if (!existsSync(versionFile)) return;
  const text = readFileSync(versionFile, 'utf8').trim();
  // What this version does not understand was written by one that knew more.
  if (/^\d+$/.test(text) && Number(text) <= DATA_VERSION) return;
  const message = `${path} is of version ${text || '(nothing)'}, and this program knows ${DATA_VERSION}. Use the newer program.`;
  throw new DataDirectoryError('data_directory_from_newer_version', message);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
