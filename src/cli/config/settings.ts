import { z } from 'zod';
import type { Option } from './option.ts';
import { OPTIONS } from './options.ts';

/** The table of settings as its readers need it; tests have tables of their own. */
export interface Settings {
  readonly keys: readonly string[];
  option(key: string): Option;
  /** Of the file: groups of keys, each of which may be absent. */
  readonly fileSchema: z.ZodType;
  /** The setting that this path in the file belongs to; null for a group and for what is unknown. */
  keyAt(path: readonly PropertyKey[]): string | null;
  /** Every name that may stand in the group at this path. */
  namesIn(path: readonly PropertyKey[]): string[];
}

interface Shape {
  [name: string]: z.ZodType | Shape;
}

export function settingsOf(options: Readonly<Record<string, Option>>): Settings {
  const keys = Object.keys(options);
  const option = (key: string): Option => {
    const found = options[key];
    if (found === undefined) throw new Error(`There is no setting ${key}.`);
    return found;
  };
  return {
    keys,
    option,
    fileSchema: objectOf(nested(options)),
    keyAt: (path) => {
      const starts = path.map((_, index) => path.slice(0, index + 1).join('.'));
      return starts.find((start) => keys.includes(start)) ?? null;
    },
    namesIn: (path) => {
      const inside = keys.map((key) => key.split('.')).filter((parts) => path.every((name, at) => parts[at] === name));
      return [...new Set(inside.map((parts) => parts[path.length]).filter((name) => name !== undefined))];
    },
  };
}

function nested(options: Readonly<Record<string, Option>>): Shape {
  const root: Shape = {};
  for (const [key, { schema }] of Object.entries(options)) {
    const path = key.split('.');
    let group = root;
    for (const name of path.slice(0, -1)) {
      group[name] ??= {};
      group = group[name] as Shape;
    }
    group[path.at(-1)!] = schema.optional();
  }
  return root;
}

function objectOf(shape: Shape): z.ZodType {
  const fields = Object.entries(shape).map(([name, inner]): [string, z.ZodType] => [
    name,
    inner instanceof z.ZodType ? inner : objectOf(inner).optional(),
  ]);
  return z.strictObject(Object.fromEntries(fields));
}

/** Those of the daemon. */
export const SETTINGS = settingsOf(OPTIONS);
