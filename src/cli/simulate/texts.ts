import { formatDuration, parseDuration } from '../../../machines/duration.ts';
import type { Effect } from '../../../machines/effects.ts';
import type { Fact } from '../../../machines/facts.ts';
import { phaseOf, publicStateOf } from '../../../machines/public-states.ts';
import type { InstanceRecord } from '../../../machines/record.ts';
import { plainWords, spanWords } from '../../projections/words/plain.ts';
import type { YamlSource } from '../yaml-source.ts';
import { START_MS } from './definitions.ts';
import type { Checked, ShownView } from './expectations.ts';
import type { Moment } from './stage.ts';

/** What happened in a scenario, as lines for people. */

/** `+3s`, `-1s`, `0s`: simulated time after 0s. */
export function offsetText(offsetMs: number): string {
  return offsetMs > 0 ? `+${formatDuration(offsetMs)}` : formatDuration(offsetMs);
}

/** Values after this many milliseconds since 1970 are instants, not counts. */
const INSTANT_MIN_MS = Date.UTC(2000, 0, 1);

function valueText(value: unknown): string {
  if (typeof value === 'number' && value > INSTANT_MIN_MS) return offsetText(value - START_MS);
  if (Array.isArray(value)) return value.map(valueText).join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** `restart.attempted attempt=1 cause=exit`: every part that says something. */
function partsText({ type, ...parts }: { readonly type: string }): string {
  const shown = Object.entries(parts).filter(([, value]) => value !== null && value !== '' && value !== false);
  return [type, ...shown.map(([key, value]) => `${key}=${valueText(value)}`)].join(' ');
}

export function factText(fact: Fact): string {
  return partsText(fact);
}

function effectText(effect: Effect): string {
  return effect.kind === 'effect.withdraw' ? `withdraw what run ${effect.run} waits for` : effect.kind;
}

export function eventText(event: InstanceRecord['event']): string {
  switch (event.type) {
    case 'host.mode_changed':
      return `hears that the host is set to ${event.mode}`;
    case 'host.granted':
      return 'the host has room';
    case 'host.held':
      return `the host has no room: ${event.reason}`;
    case 'vmm.exited':
      return `run ${event.run} ends: ${event.reason}${event.code === null ? '' : ` code ${event.code}`}`;
    case 'vmm.found':
      return `looks for run ${event.run} and finds: ${event.found.reality}`;
    case 'effect.done':
    case 'effect.withdrawn':
      return `${event.kind} ${event.type.slice('effect.'.length)}`;
    case 'effect.failed':
    case 'effect.unknown':
      return `${event.kind} ${event.type.slice('effect.'.length)}: ${event.error.message}`;
    case 'probe.failed':
    case 'probe.unavailable':
    case 'traffic.unconfirmed':
    case 'observer.lost':
      return `${event.type}: ${event.error}`;
    case 'create':
    case 'start':
    case 'stop':
    case 'restart':
    case 'standby':
    case 'restore':
    case 'hold':
    case 'delete':
    case 'update':
    case 'ignore':
    case 'cancel_restart':
    case 'reset_restart':
      return `${event.type} accepted`;
    case 'create_snapshot':
    case 'delete_snapshot':
    case 'restore_snapshot':
      return `${event.type} ${event.name} accepted`;
    default:
      return event.type;
  }
}

/** `Stopped`, or `Stopped (backoff)` where the phase says more. */
export function stateText({ state: { value } }: InstanceRecord): string {
  const shown = publicStateOf(value);
  const phase = phaseOf(value);
  return shown.toLowerCase() === phase ? shown : `${shown} (${phase})`;
}

const OFFSET_WIDTH = 10;

/** One moment as a few lines: what happened; then what was decided, what was asked for, and the resulting state. */
export function momentLines(moment: Moment, nameWidth: number): string[] {
  const name = (moment.name ?? '').padEnd(nameWidth);
  const head = `${offsetText(moment.at).padStart(OFFSET_WIDTH)}  ${name}  `;
  const indent = ' '.repeat(head.length);
  if (moment.kind === 'said') return [`${head}> ${moment.text}`];
  if (moment.kind === 'refused') return [`${head}refused (${moment.code}): ${moment.text}`];
  const { record } = moment.published;
  return [
    `${head}${eventText(record.event)}  [${stateText(record)}]`,
    ...record.facts.map((fact) => `${indent}  ${factText(fact)}`),
    ...(record.effects.length === 0 ? [] : [`${indent}  asks for ${record.effects.map(effectText).join(', ')}`]),
  ];
}

export const timesText = (count: number): string => (count === 1 ? 'once' : `${count} times`);

/** What a policy about sleep came to; null of one that has none, and has not slept. */
export function sleepText({ auto_standby, wakefulness: account }: ShownView, sleeps: number): string | null {
  if (account === undefined || (auto_standby?.enabled !== true && sleeps === 0)) return null;
  const causes = Object.entries(account.awake_by_cause_ms).toSorted(([, a], [, b]) => b - a);
  const because = causes.map(([cause, ms]) => `${plainWords(cause)} ${spanWords(ms)}`).join(', ');
  const awake = `awake ${spanWords(account.awake_ms)}${because === '' ? '' : ` (${because})`}`;
  return `slept ${timesText(sleeps)}: asleep ${spanWords(account.asleep_ms)}, ${awake}`;
}

/** One expectation: its text, and where it failed what was expected and what is. */
export function checkedLines({ text, mismatches, expectation }: Checked, source: YamlSource): string[] {
  const { line } = source.place(['expect', expectation.index]);
  const label = `expect[${expectation.index + 1}] (line ${line}) ${text}`;
  if (mismatches.length === 0) return [`  ok    ${label}`];
  return [
    `  FAILS ${label}`,
    ...mismatches.map(({ path, expected, actual }) => {
      const [wanted, found] = inOneForm(expected, actual);
      return `          ${path === '' ? '' : `${path}: `}expected ${JSON.stringify(wanted)}, is ${JSON.stringify(found)}`;
    }),
  ];
}

/** An instant that was expected as an offset is told as one, and durations as they are shown, so that they compare at sight. */
function inOneForm(expected: unknown, actual: unknown): [unknown, unknown] {
  if (typeof expected !== 'string' || typeof actual !== 'string') return [expected, actual];
  const ms = parseDuration(expected);
  if (ms === null) return [expected, actual];
  if (parseDuration(actual) !== null) return [formatDuration(ms), actual];
  // Without a sign it is not compared as an offset either.
  const at = /^[+-]/.test(expected) ? Date.parse(actual) : Number.NaN;
  return Number.isNaN(at) ? [expected, actual] : [offsetText(ms), offsetText(at - START_MS)];
}
