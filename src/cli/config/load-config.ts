import { parse } from 'yaml';
import { ConfigError, type Problem } from './config-error.ts';
import { nearest } from './nearest.ts';
import { attributeOf, flagOf, type Option, oppositeOf, variableOf } from './option.ts';
import type { Config } from './options.ts';
import { findConfigFile, readConfigFile } from './read-file.ts';
import { SETTINGS, type Settings } from './settings.ts';

/** The one precedence: a flag, else the environment, else the file, else the default. */

export interface Effective {
  /** What the daemon works with, by key. */
  readonly config: Readonly<Record<string, unknown>>;
  /** As written at the place it comes from, for showing. */
  readonly given: ReadonlyMap<string, unknown>;
  /** `--listen`, `STATEVISOR_LISTEN`, `FILE:LINE` or `default`. */
  readonly origins: ReadonlyMap<string, string>;
  /** Path of the file that was read; null without any. */
  readonly file: string | null;
  readonly notes: readonly string[];
}

export interface Sources {
  /** What commander read, by its own names; `config` names the file. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly systemFile?: string;
}

/** Names in the environment that are ours and are no settings. */
const OTHER_VARIABLES = ['CONFIG', 'URL', 'TOKEN', 'DEBUG', 'WRITE_TRANSCRIPTS'].map((name) => `STATEVISOR_${name}`);

interface Found {
  readonly given: unknown;
  readonly value: unknown;
  readonly origin: string;
}

/** Throws ConfigError with everything that is wrong with flags and environment, or with the file. */
export function loadConfig(sources: Sources): Effective & { readonly config: Config } {
  // Its keys and types are those of the table that SETTINGS is made of.
  return loadSettings(sources, SETTINGS) as Effective & { readonly config: Config };
}

export function loadSettings(sources: Sources, known: Settings): Effective {
  const { flags, environment, systemFile } = sources;
  const problems: Problem[] = [];
  const found = new Map<string, Found>();
  for (const key of known.keys) {
    const direct = directly(key, sources, known.option(key));
    if (direct === null) continue;
    if ('message' in direct) problems.push(direct);
    else found.set(key, direct);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const named = (flags.config as string | undefined) ?? nonEmpty(environment.STATEVISOR_CONFIG);
  const place = findConfigFile(named, String((found.get('data') ?? fallback(known.option('data'))).value), systemFile);
  const file = place === null ? null : readConfigFile(place.path, place.inside, known);
  for (const key of known.keys) {
    if (found.has(key)) continue;
    const setting = file?.settings.get(key);
    if (setting === undefined) found.set(key, fallback(known.option(key)));
    else found.set(key, read(known.option(key), setting.given, `${file?.path}:${setting.line}`));
  }
  const shown = known.keys.map((key): [string, Found] => [key, found.get(key)!]);
  return {
    config: Object.fromEntries(shown.map(([key, { value }]) => [key, value])),
    given: new Map(shown.map(([key, { given }]) => [key, given])),
    origins: new Map(shown.map(([key, { origin }]) => [key, origin])),
    file: file?.path ?? null,
    notes: [...(file?.notes ?? []), ...strangeVariables(environment, known)],
  };
}

function fallback(option: Option): Found {
  return read(option, option.default, 'default');
}

function read({ schema }: Option, given: unknown, origin: string): Found {
  return { given, value: schema.parse(given), origin };
}

/** From the command line or the environment. */
function directly(key: string, { flags, environment }: Sources, option: Option): Found | Problem | null {
  const flag = flags[attributeOf(key)];
  if (typeof flag === 'boolean') return read(option, flag, flag ? flagOf(key) : oppositeOf(key));
  if (typeof flag === 'string') return fromText(option, flag, flagOf(key));
  const text = nonEmpty(environment[variableOf(key)]);
  return text === undefined ? null : fromText(option, text, variableOf(key));
}

/** Text means itself where the setting takes it, else what it means in YAML: `5`, `true`, `[a, b]`, `{ url: ... }`. */
function fromText({ schema, expects }: Option, text: string, origin: string): Found | Problem {
  for (const given of [text, yamlOf(text)]) {
    const parsed = schema.safeParse(given);
    if (parsed.success) return { given, value: parsed.data, origin };
  }
  return { where: origin, key: '', message: `expected ${expects}` };
}

function yamlOf(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

/** A variable set to nothing is one that is not set. */
function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** Not refused: whoever runs this in a cluster finds variables there that begin with the name of a service. */
function strangeVariables(environment: Sources['environment'], { keys }: Settings): string[] {
  const known = [...keys.map(variableOf), ...OTHER_VARIABLES];
  return Object.keys(environment)
    .filter((name) => name.startsWith('STATEVISOR_') && !known.includes(name))
    .map((name) => {
      const meant = nearest(name, known);
      return `${name} in the environment is no setting and is ignored${meant === null ? '' : `; did you mean ${meant}?`}`;
    });
}
