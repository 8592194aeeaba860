import { formatSize } from '../projections/instance-view.ts';
import { clockTime, spanWords } from '../projections/words/plain.ts';

/** What the host says of itself, as `host status` prints it: `log.survives  os`, a line for each thing. */

type Fields = Readonly<Record<string, unknown>>;

export function hostRows(view: Fields, prefix = ''): string[][] {
  return Object.entries(view).flatMap(([key, value]) => {
    const name = `${prefix}${key}`;
    if (!isFields(value) || isUse(value)) return [[name, leafWords(key, value)]];
    return hostRows(value, `${name}.`);
  });
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
}

/** The name of a number says what it is a number of. */
function leafWords(key: string, value: unknown): string {
  if (value === null) return '-';
  if (typeof value === 'string') return value;
  if (isUse(value)) return useWords(value, isBytes(key) ? sizeWords : String);
  if (typeof value === 'number') return numberWords(key, value);
  if (!Array.isArray(value)) return JSON.stringify(value);
  if (value.length === 0) return 'none';
  return value.every((one) => typeof one === 'string') ? value.join(', ') : JSON.stringify(value);
}

function numberWords(key: string, value: number): string {
  if (isBytes(key)) return sizeWords(value);
  if (key.endsWith('_ms')) return spanWords(value < 1_000 ? tenths(value) : value);
  return key.endsWith('_at') ? clockTime(value) : String(value);
}

function isBytes(key: string): boolean {
  return /(^|_)bytes(_per_day)?$/.test(key);
}

/** How much of something is taken, of how much. */
interface Use {
  readonly used: number;
  readonly limit: number | null;
}

function isUse(value: unknown): value is Use {
  return typeof value === 'object' && value !== null && Object.keys(value).sort().join() === 'limit,used';
}

function useWords({ used, limit }: Use, words: (amount: number) => string): string {
  return limit === null ? `${words(used)}, no limit` : `${words(used)} of ${words(limit)}`;
}

const MIB = 1024 ** 2;
const UNITS = [
  ['TB', 1024 ** 4],
  ['GB', 1024 ** 3],
  ['MB', MIB],
  ['KB', 1024],
] as const;

/** Exact where that is short; what a machine happens to have is rounded. */
function sizeWords(bytes: number): string {
  if (bytes === 0 || bytes % MIB === 0) return formatSize(bytes);
  const [unit, size] = UNITS.find(([, least]) => bytes >= least) ?? ['B', 1];
  return `${tenths(bytes / size)}${unit}`;
}

/** Tenths say enough. */
function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
