import type { Definition } from '../../machines/definition.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import type { JournalLine } from '../../src/adapters/simulator/journal.ts';
import type { Wait } from './world-waits.ts';

/** What is known after a crash run, from three witnesses: the world, the client and the log. */

/** A command the daemon has answered as accepted. Times are epoch ms of the machine's clock. */
export interface Acknowledgement {
  readonly command: string;
  readonly verb: string;
  readonly instance: string;
  /** Of the record, as the answer named it. */
  readonly version: number;
  readonly position: string;
  readonly sentAt: number;
  readonly answeredAt: number;
  /** How often it was sent: more than once when an answer was lost. */
  readonly tries: number;
}

/** A command that was refused for good. */
export interface Refusal {
  readonly command: string;
  readonly verb: string;
  readonly instance: string | null;
  readonly code: string;
}

export interface Evidence {
  /** When the world heard nobody, in order; absent where it is part of the process that judges, or is real. */
  readonly waits?: readonly Wait[];
  readonly journal: readonly JournalLine[];
  /** The whole log in the order of its positions. */
  readonly entries: readonly LogEntry[];
  readonly acknowledged: readonly Acknowledgement[];
  readonly refused: readonly Refusal[];
  /** What GET answered of each instance after a recovery, when all had settled; null when nobody asked. */
  readonly views: ReadonlyMap<string, unknown> | null;
}

/** Every rule the checker knows, by name, with the law of the design it belongs to. */
export const RULES = {
  boot_after_stop: 1,
  boot_asked_after_stop: 1,
  two_vmms: 2,
  run_spawned_twice: 2,
  spawn_not_recorded: 2,
  run_asked_before_end: 2,
  ended_with_daemon: 2,
  pid_differs: 2,
  too_many_attempts: 3,
  uncounted_attempt: 3,
  window_closed_early: 3,
  automatic_while_held_back: 9,
  start_not_granted: 9,
  acknowledged_not_recorded: 7,
  recorded_twice: 7,
  refused_but_recorded: 7,
  version_gap: 7,
  chain_broken: 7,
  view_differs: 7,
  world_differs: 7,
} as const;
export type Rule = keyof typeof RULES;

export interface Violation {
  readonly rule: Rule;
  readonly instance: string;
  readonly what: string;
}

/** One instance in the log: its entries and their records, oldest first. */
export interface Stream {
  readonly id: string;
  readonly entries: readonly LogEntry[];
  readonly records: readonly InstanceRecord[];
}

const INSTANCE_STREAM = /^[0-9a-z]{26}$/;

/** Entries of each instance, oldest first. They are parsed one stream at a time: a long run has very many. */
export function entriesByInstance(entries: readonly LogEntry[]): Map<string, LogEntry[]> {
  const streams = new Map<string, LogEntry[]>();
  for (const entry of entries) {
    if (!INSTANCE_STREAM.test(entry.stream)) continue;
    const before = streams.get(entry.stream);
    if (before === undefined) streams.set(entry.stream, [entry]);
    else before.push(entry);
  }
  return streams;
}

export function streamOf(id: string, entries: readonly LogEntry[]): Stream {
  return { id, entries, records: entries.map((entry) => parseRecord(entry.bytes)) };
}

/** The definition a record stands under; null when the log does not have it. */
export function definitionOf(stream: Stream, record: InstanceRecord): Definition | null {
  return record.definition ?? stream.records.find((one) => one.version === record.definition_at)?.definition ?? null;
}

export type Spawn = Extract<JournalLine, { type: 'vmm.spawned' }>;
export type End = Extract<JournalLine, { type: 'vmm.ended' }>;

/** The version of the record behind an effect id, `<stream>/<version>/<n>`. */
export function versionOfEffect(effect: string): number {
  return Number(effect.split('/')[1]);
}
