import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { InstanceRecord } from '../../machines/record.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { projectDir } from '../architecture/project-files.ts';

/**
 * Recorded streams, one file each: `test/histories/chart-N/NAME.ndjson`, made by chart version N. A line is one entry
 * of the log as it was, with the exact text that was hashed. They are kept for good: whatever becomes of the chart, it
 * has to understand the instances that these versions left behind.
 */

export interface RecordedEntry {
  readonly position: string;
  readonly prev_hash: string;
  readonly hash: string;
  readonly bytes: string;
}

export interface RecordedHistory {
  readonly name: string;
  /** Of the chart that made it. */
  readonly version: number;
  readonly entries: readonly RecordedEntry[];
  readonly records: readonly InstanceRecord[];
}

const ROOT = join(projectDir, 'test', 'histories');
const DIRECTORY = /^chart-(\d+)$/;
const SUFFIX = '.ndjson';

export function recordedVersions(): number[] {
  const found = readdirSync(ROOT).flatMap((name) => DIRECTORY.exec(name)?.[1] ?? []);
  return found.map(Number).sort((a, b) => a - b);
}

export function recordedHistories(version: number): RecordedHistory[] {
  const directory = join(ROOT, `chart-${version}`);
  return readdirSync(directory)
    .sort()
    .map((file) => {
      const lines = readFileSync(join(directory, file), 'utf8').trimEnd().split('\n');
      const entries = lines.map((line) => JSON.parse(line) as RecordedEntry);
      const records = entries.map(({ bytes }) => parseRecord(bytes));
      return { name: file.slice(0, -SUFFIX.length), version, entries, records };
    });
}

/** Writes a history that is not there yet. Throws when it is: what a released chart has recorded never changes. */
export function keepHistory(name: string, version: number, entries: readonly RecordedEntry[]): void {
  const directory = join(ROOT, `chart-${version}`);
  mkdirSync(directory, { recursive: true });
  const lines = entries.map(({ position, prev_hash, hash, bytes }) =>
    JSON.stringify({ position, prev_hash, hash, bytes }),
  );
  writeFileSync(join(directory, `${name}${SUFFIX}`), `${lines.join('\n')}\n`, { flag: 'wx' });
}
