import type { Effective } from './load-config.ts';
import { SETTINGS, type Settings } from './settings.ts';

/** One setting as it is shown: no secret is. */
export interface ShownSetting {
  readonly key: string;
  readonly value: unknown;
  readonly from: string;
}

export const HIDDEN = '(hidden)';
/** Up to the last `@` of a URL's authority: a password may have one in it. */
const CREDENTIALS = /(\w:\/\/)[^/?#\s]*@/g;

export function shownSettings({ given, origins }: Effective, known: Settings = SETTINGS): ShownSetting[] {
  return known.keys.map((key) => {
    const value = given.get(key);
    const isSecret = known.option(key).secret === true && origins.get(key) !== 'default';
    return { key, value: isSecret ? HIDDEN : withoutPasswords(value), from: origins.get(key) ?? 'default' };
  });
}

/** User and password of URLs, wherever in the value they stand. */
function withoutPasswords(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll(CREDENTIALS, `$1${HIDDEN}@`);
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutPasswords(inner)]));
}
