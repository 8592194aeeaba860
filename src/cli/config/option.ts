import type { z } from 'zod';

/**
 * One setting of the daemon. Its three names follow from its key by rule: `bridge.range` is the key `range` in the
 * group `bridge` of the file, `STATEVISOR_BRIDGE_RANGE` in the environment and `--bridge-range` as a flag.
 */
export interface Option<Schema extends z.ZodType = z.ZodType> {
  /** Reads what the file holds; what it makes of it is what the daemon works with. */
  readonly schema: Schema;
  /** As it would stand in the file. */
  readonly default: z.input<Schema>;
  /** What the value is called in help: `dir` makes `--data <dir>`. Settings that are true or false have none. */
  readonly placeholder?: string;
  /** What it does, after which the value that is expected follows. */
  readonly about: string;
  /** Ends the sentence "expected ...". */
  readonly expects: string;
  /** Its value is never shown. */
  readonly secret?: true;
  /** Taken over again while the daemon runs, when it is told to look (SIGHUP). */
  readonly reloads?: true;
  /** It says where the data directory is, so a file inside that directory cannot hold it. */
  readonly outside?: true;
}

/** Keeps the type of the schema, so that the settings get theirs from it. */
export function option<Schema extends z.ZodType>(given: Option<Schema>): Option<Schema> {
  return given;
}

export function flagOf(key: string): string {
  return `--${key.replaceAll(/[._]/g, '-')}`;
}

/** The flag that says no: `--no-hello`. */
export function oppositeOf(key: string): string {
  return flagOf(key).replace('--', '--no-');
}

export function variableOf(key: string): string {
  return `STATEVISOR_${key.replaceAll('.', '_').toUpperCase()}`;
}

/** Under which name commander keeps what the flag was given. */
export function attributeOf(key: string): string {
  return key.replaceAll(/[._](\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** True or false: as a flag it has no value but an opposite, `--no-hello`. */
export function isSwitch(given: Option): boolean {
  return typeof given.default === 'boolean';
}
