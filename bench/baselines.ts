import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { initialTransition } from 'xstate';
import { instanceChart } from '../machines/chart.ts';
import { inertScope } from '../machines/inert-scope.ts';
import type { InstanceRecord } from '../machines/record.ts';
import type { ChartSnapshot } from '../machines/step.ts';
import { chainHash } from '../src/actors/contracts/chain.ts';
import { PAGE_BYTES } from '../src/adapters/log-sqlite/database.ts';
import { elapsedMs } from './measure.ts';

/** What the runtime is measured against: the least that a durable statechart could do, without the runtime around it. */

const collected: unknown[] = [];

/** The fastest way to call XState's own transition: one scope for all calls, which only collects actions. */
const scope = inertScope((action) => collected.push(action));

export const INITIAL = initialTransition(instanceChart)[0] as ChartSnapshot;

export function xstateTransition(snapshot: ChartSnapshot, event: InstanceRecord['event']): ChartSnapshot {
  collected.length = 0;
  return instanceChart.transition(snapshot, event as never, scope as never) as ChartSnapshot;
}

/**
 * The events of these records once more, in memory on one core: XState's transition, the record as text, its hash.
 * `from` is the index of the first one that is timed. Answers ms.
 */
export async function inMemoryMs(records: readonly InstanceRecord[], from: number): Promise<number> {
  const snapshots = new Map<string, ChartSnapshot>();
  const hashes = new Map<string, string>();
  const one = (record: InstanceRecord): void => {
    const { stream, event } = record;
    snapshots.set(stream, xstateTransition(snapshots.get(stream) ?? INITIAL, event));
    hashes.set(stream, chainHash(hashes.get(stream) ?? '', JSON.stringify(record)));
  };
  for (const record of records.slice(0, from)) one(record);
  return elapsedMs(() => {
    for (let index = from; index < records.length; index++) one(records[index]!);
  });
}

/** The same texts into a bare table, so many in one synced transaction. Answers ms. */
export async function bareSqliteMs(directory: string, texts: readonly string[], batch: number): Promise<number> {
  const place = mkdtempSync(join(directory, 'statevisor-bare-'));
  const db = new DatabaseSync(join(place, 'bare.sqlite'));
  db.exec(`PRAGMA page_size = ${PAGE_BYTES}; PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL`);
  db.exec('PRAGMA synchronous = FULL; CREATE TABLE entries (seq INTEGER PRIMARY KEY, bytes TEXT NOT NULL) STRICT');
  const insert = db.prepare('INSERT INTO entries (bytes) VALUES (?)');
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const ms = await elapsedMs(() => {
    for (let at = 0; at < texts.length; at += batch) {
      begin.run();
      for (const text of texts.slice(at, at + batch)) insert.run(text);
      commit.run();
    }
  });
  db.close();
  rmSync(place, { recursive: true });
  return ms;
}
