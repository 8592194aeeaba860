import { isDeepStrictEqual } from 'node:util';
import { phaseOf } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { chainHash } from '../../src/actors/contracts/chain.ts';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import { instanceView } from '../../src/projections/instance-view.ts';
import { definitionOf, type Evidence, type Spawn, type Stream, type Violation } from './evidence.ts';
import { goesOnFromSnapshot } from './laws-of-runs.ts';

/** Laws 3, 7 and 9: automatic restarts are bounded and granted, and what was acknowledged is in the log and nothing else is shown. */

const INTENTS: readonly string[] = ['start', 'restart', 'stop', 'ignore'];
const isIntent = (record: InstanceRecord): boolean => INTENTS.includes(record.event.type) || goesOnFromSnapshot(record);

/** Law 3, counted here from the facts and not from the chart's own counter. */
export function restartAttempts(stream: Stream): Violation[] {
  const violations: Violation[] = [];
  let attempts = 0;
  for (const record of stream.records) {
    const policy = definitionOf(stream, record)?.restart_policy ?? null;
    if (isIntent(record)) attempts = 0;
    let counted = false;
    for (const fact of record.facts) {
      if (fact.type === 'restart.reset') {
        attempts = 0;
        if (!mayReset(record, fact.cause, policy?.stable_after_ms ?? 0)) {
          const what = `version ${record.version} closes the window by ${fact.cause} on ${record.event.type}`;
          violations.push({ rule: 'window_closed_early', instance: stream.id, what });
        }
      }
      if (fact.type === 'restart.attempted') {
        attempts += 1;
        counted = true;
      }
      if (fact.type === 'instance.boot_requested' && fact.cause === 'restart_policy' && !counted) {
        const what = `version ${record.version} boots run ${fact.run} by policy`;
        violations.push({ rule: 'uncounted_attempt', instance: stream.id, what });
      }
    }
    const most = policy?.max_attempts ?? 0;
    if (counted && most > 0 && attempts > most) {
      const what = `version ${record.version} is attempt ${attempts} of ${most}`;
      violations.push({ rule: 'too_many_attempts', instance: stream.id, what });
    }
  }
  return violations;
}

/** A window closes by a command, by another policy, or by a whole stability window of one run. */
function mayReset(record: InstanceRecord, cause: string, stableAfterMs: number): boolean {
  const { event, state } = record;
  if (cause === 'command') return isIntent(record);
  if (cause === 'policy') return event.type === 'update';
  const { started_at: startedAt } = state.context.run;
  return 'due' in event && startedAt !== null && event.due - startedAt >= stableAfterMs;
}

const STARTS_GRANTED: readonly string[] = ['restart_policy', 'host_reboot'];

/** Law 9: nothing automatic is begun while the host or somebody holds it back, and no start without the host's grant. */
export function automation({ id, records }: Stream): Violation[] {
  const violations: Violation[] = [];
  let [held, asked] = [false, ''];
  for (const { version, event, facts, effects, state } of records) {
    const admit = effects.find((effect) => effect.kind === 'host.admit');
    const freed = event.type === 'host.mode_changed' || event.type === 'start' || event.type === 'restart';
    if (held && !freed && admit !== undefined) {
      violations.push({ rule: 'automatic_while_held_back', instance: id, what: `version ${version} asks the host` });
    }
    for (const fact of facts) {
      if (fact.type !== 'instance.boot_requested' || !STARTS_GRANTED.includes(fact.cause)) continue;
      if (event.type === 'host.granted' && asked === `${event.purpose} ${event.run}`) continue;
      const what = `version ${version} boots run ${fact.run} by ${fact.cause} on ${event.type}`;
      violations.push({ rule: 'start_not_granted', instance: id, what });
    }
    if (admit !== undefined) asked = `${admit.purpose} ${admit.run}`;
    held = state.context.host.mode !== 'normal' || state.context.intent.wanted === 'ignore';
  }
  return violations;
}

/** Versions without gaps, and every hash over the one before. */
export function wholeChain({ id, entries, records }: Stream): Violation[] {
  const violations: Violation[] = [];
  entries.forEach((entry, index) => {
    if (entry.version !== index + 1 || records[index]!.version !== entry.version || records[index]!.stream !== id) {
      violations.push({ rule: 'version_gap', instance: id, what: `version ${entry.version} at place ${index + 1}` });
    }
    const before = entries[index - 1]?.hash ?? '';
    if (entry.prev_hash !== before || entry.hash !== chainHash(before, entry.bytes)) {
      violations.push({ rule: 'chain_broken', instance: id, what: `at version ${entry.version}` });
    }
  });
  return violations;
}

/** Where each command id stands in the log. */
export type RecordedCommands = Map<string, { readonly entry: LogEntry; readonly verb: string }>;

/** Adds the commands of one stream; an id that is there already was acted on twice. */
export function noteCommands({ id, entries, records }: Stream, recorded: RecordedCommands): Violation[] {
  const violations: Violation[] = [];
  records.forEach(({ cause, event, version }, index) => {
    if (cause.command === null) return;
    const { id: command } = cause.command;
    const what = `command ${command} at version ${version}`;
    if (recorded.has(command)) violations.push({ rule: 'recorded_twice', instance: id, what });
    recorded.set(command, { entry: entries[index]!, verb: event.type });
  });
  return violations;
}

/** Law 7 for commands: accepted ones stand in the log once, where the answer said; refused ones do not. */
export function commandsInLog(evidence: Evidence, recorded: RecordedCommands): Violation[] {
  const violations: Violation[] = [];
  for (const ack of evidence.acknowledged) {
    const found = recorded.get(ack.command);
    const { stream, version, position } = found?.entry ?? {};
    const asAnswered = stream === ack.instance && version === ack.version && position === ack.position;
    if (asAnswered && found?.verb === ack.verb) continue;
    const where = found === undefined ? 'is not in the log' : `is version ${version} of ${stream} at ${position}`;
    const what = `${ack.verb} ${ack.command}, acknowledged at version ${ack.version} (${ack.position}), ${where}`;
    violations.push({ rule: 'acknowledged_not_recorded', instance: ack.instance, what });
  }
  for (const { command, verb, code } of evidence.refused) {
    const found = recorded.get(command);
    if (found === undefined) continue;
    const what = `${verb} ${command} was refused (${code}) and is version ${found.entry.version}`;
    violations.push({ rule: 'refused_but_recorded', instance: found.entry.stream, what });
  }
  return violations;
}

/** What GET adds beside the last record: durations, what is foretold, and what probes said. Other tests are about that. */
const BESIDE_THE_RECORD = [
  'current_phase',
  'current_phase_since',
  'phase_durations_ms',
  'restart_forecast',
  'probes',
] as const;

/** Of health the log has the verdict; counts and times of probes are live readings. */
function asRecorded(shown: unknown): unknown {
  if (typeof shown !== 'object' || shown === null) return shown;
  const entries = Object.entries(shown).filter(([field]) => !BESIDE_THE_RECORD.some((beside) => beside === field));
  return Object.fromEntries(
    entries.map(([field, value]) => [field, field === 'health_status' ? (value as { status: unknown }).status : value]),
  );
}

/** Law 7 for views: what GET shows after a recovery is the last record, and the world is as that says. */
export function viewOfStream(stream: Stream, views: ReadonlyMap<string, unknown>, live: readonly Spawn[]): Violation[] {
  const last = stream.records.at(-1)!;
  const definition = definitionOf(stream, last);
  const phase = phaseOf(last.state.value);
  const shown = views.get(stream.id);
  const expected = phase === 'deleted' || definition === null ? undefined : instanceView(last, definition);
  const violations: Violation[] = [];
  if (
    !isDeepStrictEqual(
      asRecorded(shown),
      expected === undefined ? undefined : asRecorded(JSON.parse(JSON.stringify(expected))),
    )
  ) {
    const what = `GET shows ${JSON.stringify(shown)}, the log ${JSON.stringify(expected)}`;
    violations.push({ rule: 'view_differs', instance: stream.id, what });
  }
  const runs = live.map((spawn) => spawn.run);
  const lives = phase === 'running' ? [last.state.context.run.number] : [];
  if (!isDeepStrictEqual(runs, lives)) {
    const what = `it is ${phase} in run ${last.state.context.run.number}, live in the world: [${runs.join(', ')}]`;
    violations.push({ rule: 'world_differs', instance: stream.id, what });
  }
  return violations;
}
