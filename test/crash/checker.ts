import type { JournalLine } from '../../src/adapters/simulator/journal.ts';
import { type Evidence, entriesByInstance, type Spawn, streamOf, type Violation } from './evidence.ts';
import {
  automation,
  commandsInLog,
  noteCommands,
  type RecordedCommands,
  restartAttempts,
  viewOfStream,
  wholeChain,
} from './laws-of-records.ts';
import {
  bootsAfterStop,
  bootsAskedAfterStop,
  isStop,
  livesInWorld,
  pidsThatDiffer,
  runsAskedBeforeEnd,
} from './laws-of-runs.ts';

/** Judges a daemon by what truly happened: every broken rule, by name. Empty when the laws were kept. */
export function check(evidence: Evidence): Violation[] {
  const entries = entriesByInstance(evidence.entries);
  const lives = livesByInstance(evidence.journal);
  const stops = Map.groupBy(evidence.acknowledged.filter(isStop), (ack) => ack.instance);
  const recorded: RecordedCommands = new Map();
  const violations: Violation[] = [];
  for (const id of new Set([...entries.keys(), ...lives.keys()])) {
    const stream = streamOf(id, entries.get(id) ?? []);
    const lines = lives.get(id) ?? [];
    const spawns = lines.filter((line) => line.type === 'vmm.spawned');
    violations.push(
      ...livesInWorld(stream, lines),
      ...bootsAskedAfterStop(stream),
      ...bootsAfterStop(spawns, stops.get(id) ?? [], evidence.waits ?? []),
      ...runsAskedBeforeEnd(stream),
      ...pidsThatDiffer(stream, spawns),
      ...restartAttempts(stream),
      ...automation(stream),
      ...wholeChain(stream),
      ...noteCommands(stream, recorded),
      ...(evidence.views === null ? [] : viewOfStream(stream, evidence.views, liveAtEnd(lines))),
    );
  }
  return [...violations, ...commandsInLog(evidence, recorded)];
}

/** Beginnings and ends of the VMMs of each instance. */
function livesByInstance(journal: readonly JournalLine[]): Map<string, JournalLine[]> {
  const lives = new Map<string, JournalLine[]>();
  for (const line of journal) {
    if (line.type !== 'vmm.spawned' && line.type !== 'vmm.ended') continue;
    const before = lives.get(line.instance);
    if (before === undefined) lives.set(line.instance, [line]);
    else before.push(line);
  }
  return lives;
}

function liveAtEnd(lines: readonly JournalLine[]): Spawn[] {
  const ended = new Set(lines.flatMap((line) => (line.type === 'vmm.ended' ? [line.run] : [])));
  return lines.filter((line) => line.type === 'vmm.spawned').filter((line) => !ended.has(line.run));
}
