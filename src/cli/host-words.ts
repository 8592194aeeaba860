import { formatSize } from '../projections/instance-view.ts';
import { clockTime, spanWords } from '../projections/words/plain.ts';

/**
 * What the host says of itself, as `host status` prints it: a page, a line or two for each part. `--json` has every field
 * on its own.
 */

type Fields = Readonly<Record<string, unknown>>;

/** Wider than this a part goes on in a further line. */
const LINE_WIDTH = 100;
/** The parts whose fields are looked up one by one. */
const SPREAD: readonly string[] = ['capacity'];

export function hostRows(view: Fields): string[][] {
  return Object.entries(view).flatMap(([name, value]) => partRows(name, value));
}

function partRows(name: string, value: unknown): string[][] {
  if (name === 'projections' && isFields(value)) return [[name, projectionWords(value)]];
  if (isFields(value) && SPREAD.includes(name)) {
    return fieldsOf(value).map(([key, words]) => [`${name}.${key}`, words ?? '-']);
  }
  const parts = Array.isArray(value) && value.length > 0 && value.every(isFields) ? value : [value];
  const lines = parts.flatMap((part) =>
    wrapped(isFields(part) && !isUse(part) ? sentences(part) : [leafWords(name, part)]),
  );
  return lines.map((line, index) => [index === 0 ? name : '', line]);
}

/** `mode simulated`, a text for each field; what there is none of is left out, unless there is nothing else. */
function sentences(part: Fields): string[] {
  const said = fieldsOf(part).flatMap(([key, words]) => (words === null ? [] : [`${key} ${words}`]));
  return said.length === 0 ? fieldsOf(part).map(([key]) => `${key} -`) : said;
}

/** Every field in words, null where there is none; fields of fields under `their.names`. */
function fieldsOf(part: Fields, prefix = ''): [string, string | null][] {
  return Object.entries(part).flatMap(([key, value]): [string, string | null][] => {
    if (isFields(value) && !isUse(value)) return fieldsOf(value, `${prefix}${key}.`);
    return [[`${prefix}${key}`, value === null ? null : leafWords(key, value)]];
  });
}

function wrapped(texts: readonly string[]): string[] {
  const lines: string[] = [];
  for (const text of texts) {
    const last = lines.at(-1);
    if (last === undefined || last.length + text.length > LINE_WIDTH) lines.push(text);
    else lines[lines.length - 1] = `${last}; ${text}`;
  }
  return lines;
}

/** Of read models only those are named with which something is the matter. */
function projectionWords(projections: Fields): string {
  const states = Object.entries(projections).map(
    ([name, state]) => [name, projectionTrouble(state as Fields)] as const,
  );
  const troubled = states.filter(([, trouble]) => trouble !== '');
  const current = states.length - troubled.length;
  return [`${current} current`, ...troubled.map(([name, trouble]) => `${name} ${trouble}`)].join('; ');
}

function projectionTrouble({ lag_ms: lag, rebuilding, parked }: Fields): string {
  const { total = 0 } = (parked ?? {}) as { readonly total?: number };
  return [
    rebuilding === true ? 'is being built' : '',
    lag === null ? 'has read nothing yet' : '',
    typeof lag === 'number' && lag > 0 ? `is behind by ${numberWords('lag_ms', lag)}` : '',
    total > 0 ? `has parked ${total}` : '',
  ]
    .filter((trouble) => trouble !== '')
    .join(', ');
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
