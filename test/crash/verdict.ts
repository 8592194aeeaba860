import assert from 'node:assert/strict';
import { systemClock } from '../../src/actors/clock.ts';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import type { JournalLine } from '../../src/adapters/simulator/journal.ts';
import { dataDirectory } from '../../src/cli/data-directory.ts';
import { check } from './checker.ts';
import type { DoorAndToken } from './daemon-process.ts';
import { listViews, type ShownView } from './door.ts';
import type { Evidence, Violation } from './evidence.ts';
import type { Keeper } from './keeper.ts';

/** The end of every crash run: all settles, one more recovery, and the judgement. */

const SETTLE_LIMIT_MS = 60_000;
const SETTLE_LOOK_MS = 200;
/** Nothing is recorded for so long: longer than every short timer of the runs. */
const SETTLED_FOR_MS = 1_500;
const RESTING = ['running', 'stopped', 'failed', 'standby'];

/** Wants to run, may be restarted without end, and neither runs nor sleeps: it was forgotten. */
function isForgotten(view: ShownView & { readonly wanted?: string }): boolean {
  const restarts = view.restart_policy?.policy === 'always' && view.restart_status?.blocked_reason === undefined;
  return view.wanted === 'running' && restarts && view.phase !== 'running' && view.phase !== 'standby';
}

/** Waits until every instance rests and nothing more is recorded; fails naming those that do not. */
export async function settled(door: DoorAndToken): Promise<ShownView[]> {
  const clock = systemClock();
  const until = clock.monotonic() + SETTLE_LIMIT_MS;
  let before = '';
  let since = clock.monotonic();
  for (;;) {
    const views = await listViews(door);
    const restless = views.filter((view) => !RESTING.includes(view.phase) || isForgotten(view));
    const now = views.map(({ id, version }) => `${id}/${version}`).join();
    if (now !== before || restless.length > 0) since = clock.monotonic();
    before = now;
    if (clock.monotonic() - since >= SETTLED_FOR_MS) return views;
    assert.ok(clock.monotonic() < until, `not settled: ${JSON.stringify(restless.slice(0, 3))}`);
    await clock.sleep(SETTLE_LOOK_MS);
  }
}

export interface Verdict {
  readonly violations: Violation[];
  readonly views: ShownView[];
  readonly evidence: Evidence;
}

/** The whole log of a data directory whose daemon has ended. */
export async function entriesOf(directory: string): Promise<LogEntry[]> {
  const log = await openSqliteLog({ directory: dataDirectory(directory).log, clock: systemClock() });
  try {
    const entries: LogEntry[] = [];
    for await (const entry of log.readAll(null)) entries.push(entry);
    return entries;
  } finally {
    await log.close();
  }
}

/** A machine that is busy may fire a timer, or fail a probe, between the last look and the end of the daemon. */
const LOOKS_MAX = 5;

/** What all rest in, and the log as it was then: a record that came after the look is no reason to doubt the look. */
async function restAfterRecovery(
  directory: string,
  keeper: Keeper,
): Promise<Pick<Verdict, 'views'> & { entries: LogEntry[] }> {
  for (let looks = 1; ; looks++) {
    const views = await settled(await keeper.startReady());
    await keeper.kill('SIGTERM');
    const entries = await entriesOf(directory);
    if (looks === LOOKS_MAX || !wentOn(views, entries)) return { views, entries };
  }
}

/** Some instance has a record that is newer than what was shown of it. */
export function wentOn(views: readonly Pick<ShownView, 'id' | 'version'>[], entries: readonly LogEntry[]): boolean {
  const heads = new Map(entries.map(({ stream, version }) => [stream, version]));
  return views.some(({ id, version }) => (heads.get(id) ?? 0) > version);
}

/** Settles, kills, recovers, compares, and ends the daemon in order before its log is read. */
export async function judge(
  directory: string,
  keeper: Keeper,
  answers: Pick<Evidence, 'acknowledged' | 'refused' | 'waits'>,
  journal: (entries: readonly LogEntry[]) => Promise<readonly JournalLine[]>,
): Promise<Verdict> {
  await settled(await keeper.door());
  await keeper.kill('SIGKILL');
  const { views, entries } = await restAfterRecovery(directory, keeper);
  const evidence = {
    ...answers,
    journal: await journal(entries),
    entries,
    views: new Map(views.map((view) => [view.id, view])),
  };
  return { violations: check(evidence), views, evidence };
}

const SHOWN_MAX = 20;

export function tell(violations: readonly Violation[]): string {
  const lines = violations.slice(0, SHOWN_MAX).map(({ rule, instance, what }) => `  ${rule} ${instance}: ${what}`);
  return [`${violations.length} violations`, ...lines].join('\n');
}
