import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { type Path, PlacedError, readYaml, type YamlSource } from '../yaml-source.ts';
import { ConfigError, type Problem } from './config-error.ts';
import { nearest } from './nearest.ts';
import { SETTINGS, type Settings } from './settings.ts';

/** Read when no file is named and the data directory has none. */
export const SYSTEM_FILE = '/etc/statevisor/config.yaml';
const NAME_IN_DATA_DIRECTORY = 'config.yaml';
/** Largest configuration that is read. */
export const CONFIG_MAX_BYTES = 1_048_576;
const OTHERS_MAY_READ = 0o044;

export interface FileSetting {
  /** As it stands in the file. */
  readonly given: unknown;
  readonly line: number;
}

export interface ConfigFile {
  readonly path: string;
  readonly settings: ReadonlyMap<string, FileSetting>;
  /** What somebody should know who is not stopped by it. */
  readonly notes: readonly string[];
}

/** The file that is used: the named one, else that of the data directory, else the system's; null without any. */
export function findConfigFile(
  named: string | undefined,
  data: string,
  systemFile = SYSTEM_FILE,
): { path: string; inside: boolean } | null {
  if (named !== undefined) return { path: named, inside: false };
  const own = join(data, NAME_IN_DATA_DIRECTORY);
  if (existsSync(own)) return { path: own, inside: true };
  return existsSync(systemFile) ? { path: systemFile, inside: false } : null;
}

/** Throws ConfigError with everything that is wrong with it. `inside`: it lies in the data directory. */
export function readConfigFile(path: string, inside = false, known: Settings = SETTINGS): ConfigFile {
  const source = sourceOf(path);
  // A file of comments alone is in order: nothing is set.
  const value = source.value ?? {};
  const checked = known.fileSchema.safeParse(value);
  const problems = checked.success
    ? []
    : checked.error.issues.flatMap((issue) => problemsOf(issue, { path, source, known }));
  if (problems.length > 0) throw new ConfigError(problems);
  const settings = new Map<string, FileSetting>();
  for (const key of known.keys) {
    const place = source.placeOfKey(key.split('.').slice(0, -1), key.split('.').at(-1)!);
    const given = key.split('.').reduce<unknown>((group, name) => (group as Record<string, unknown>)?.[name], value);
    if (given === undefined) continue;
    if (inside && known.option(key).outside) {
      const where = `${path}:${place.line}:${place.column}`;
      const message = 'cannot stand in a file inside the data directory; give it as a flag or in the environment';
      throw new ConfigError([{ where, key, message }]);
    }
    settings.set(key, { given, line: place.line });
  }
  return {
    path,
    settings,
    notes: openSecrets(
      path,
      [...settings.keys()].filter((key) => known.option(key).secret),
    ),
  };
}

function sourceOf(path: string): YamlSource {
  try {
    if (statSync(path).size > CONFIG_MAX_BYTES) throw new Error(`it is larger than ${CONFIG_MAX_BYTES} bytes`);
    return readYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof PlacedError) {
      const { line, column } = error.place;
      throw new ConfigError([{ where: `${path}:${line}:${column}`, key: '', message: error.message }]);
    }
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError([{ where: path, key: '', message }]);
  }
}

interface Reading {
  readonly path: string;
  readonly source: YamlSource;
  readonly known: Settings;
}

function problemsOf(issue: z.core.$ZodIssue, { path, source, known }: Reading): Problem[] {
  const at = ({ line, column }: { line: number; column: number }): string => `${path}:${line}:${column}`;
  const key = known.keyAt(issue.path);
  const field = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const names = key === null ? known.namesIn(issue.path) : [];
    return issue.keys.map((name) => ({
      where: at(source.placeOfKey(issue.path, name)),
      key: [...issue.path, name].join('.'),
      message: unknownKey(name, names, issue.path),
    }));
  }
  const where = at(source.place(issue.path));
  if (key === null) {
    const message = `expected a group of keys: ${known.namesIn(issue.path).join(', ')}`;
    return [{ where, key: field, message }];
  }
  // Inside a value of several parts the part at fault tells more than what the whole of it should be.
  const message = field === key ? `expected ${known.option(key).expects}` : issue.message;
  return [{ where, key: field, message }];
}

function unknownKey(name: string, names: readonly string[], group: Path): string {
  const meant = nearest(name, names);
  if (meant !== null) return `there is no such key; did you mean ${[...group, meant].join('.')}?`;
  return names.length === 0 ? 'there is no such key' : `there is no such key; there are ${names.join(', ')}`;
}

function openSecrets(path: string, secrets: readonly string[]): string[] {
  if (secrets.length === 0 || (statSync(path).mode & OTHERS_MAY_READ) === 0) return [];
  return [`${path} holds ${secrets.join(' and ')}, and others on this machine can read it: chmod 600 ${path}`];
}
