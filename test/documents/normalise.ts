/**
 * What differs from one run of the same commands to the next: ids, instants, ports, process ids, durations, names that
 * are made up. Both a document and what was really printed are normalised before they are compared.
 */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\b[0-7][0-9a-hjkmnp-tv-z]{25}\b/g, 'ID'],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, 'TIME'],
  [/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT'],
  [/\b\d{4,5}->/g, 'PORT->'],
  [/\bdemo-[0-9a-f]{6}\b/g, 'demo-NAME'],
  [/\bkill -9 \d+/g, 'kill -9 PID'],
  [/\(pid \d+\)/g, '(pid PID)'],
  [/^pid +\d+$/gm, 'pid PID'],
  [/, pid \d+\b/g, ', pid PID'],
  [/\b\d+ ms\b/g, 'N ms'],
  [/\bafter \d+\.\d s\b/g, 'after N s'],
  [/\b(in|after) [\dhm.]*\d(ms|s)\b/g, '$1 SPAN'],
  [/ +$/gm, ''],
  // Columns are as wide as their widest cell.
  [/(?<=\S) {2,}/g, '  '],
];

export function normalised(text: string): string {
  return VARYING.reduce((before, [pattern, name]) => before.replaceAll(pattern, name), text).trim();
}
