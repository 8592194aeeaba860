import { styleText } from 'node:util';
import { phaseOf } from '../../machines/public-states.ts';
import type { EffectOutcome } from '../projections/feed/effect-outcomes.ts';
import type { LoggedRecord } from '../projections/feed/readable-log.ts';
import { effectName, outcomeWords } from '../projections/words/effect-words.ts';
import { eventWords } from '../projections/words/event-words.ts';
import { factWords } from '../projections/words/fact-words.ts';

/** One record as one line for people. */

/** A record as history shows it: with what became of the effects it asked for. */
export interface HistoryRecord extends LoggedRecord {
  readonly outcomes?: readonly EffectOutcome[];
}

type Style = 'dim' | 'bold' | 'red' | 'yellow' | 'green';
export type Paint = (style: Style, text: string) => string;

/** Colours only where a terminal shows them and nobody has asked for none. */
export const paintForTerminal: Paint = (style, text) => styleText(style, text, { stream: process.stdout });
export const paintNothing: Paint = (_style, text) => text;

/** When, version, who and through which door; what was asked or seen; `=>` decided; `|` done and how it ended; phase. */
export function historyLine(record: HistoryRecord, paint: Paint = paintNothing): string {
  const { facts = [], effects = [], state } = record;
  const decided = facts.map((fact) => paint(styleOfFact(fact.type), factWords(fact)));
  const done = doneWords(record, paint);
  return [
    paint('dim', new Date(record.at).toISOString()),
    paint('dim', `v${record.version}`.padEnd(VERSION_WIDTH)),
    whoWords(record.cause).padEnd(WHO_WIDTH),
    paint(styleOfEvent(record.event), eventWords(record.event)),
    ...(decided.length === 0 ? [] : [`=> ${decided.join('; ')}`]),
    ...(effects.length === 0 ? [] : [`| ${done.join('; ')}`]),
    ...(state?.value === undefined ? [] : [paint('dim', `[${phaseOf(state.value)}]`)]),
  ].join('  ');
}

const VERSION_WIDTH = 4;
const WHO_WIDTH = 10;

function whoWords({ actor, via }: LoggedRecord['cause']): string {
  return via === 'system' ? 'system' : `${actor}@${via}`;
}

function doneWords({ effects = [], outcomes, stream, version }: HistoryRecord, paint: Paint): string[] {
  // Records that come as they are made cannot tell yet what becomes of what they ask for.
  if (outcomes === undefined) return effects.map(({ kind }) => `${effectName(kind)} asked for`);
  return effects.map(({ kind }, index) => {
    const outcome = outcomes.find(({ effect }) => effect === `${stream}/${version}/${index}`);
    const words = outcomeWords(kind, outcome);
    return outcome?.ended === 'failed' || outcome?.ended === 'unknown' ? paint('red', words) : words;
  });
}

const ALARMING = new Set([
  'instance.lost',
  'instance.quarantined',
  'instance.prepare_failed',
  'instance.restore_failed',
  'restart.blocked',
  'effect.failed',
  'effect.unknown',
  'observer.lost',
]);
const GOOD = new Set(['instance.ready', 'instance.restored', 'instance.found', 'standby.entered', 'restart.reset']);

function styleOfFact(type: string): Style {
  if (ALARMING.has(type)) return 'red';
  return GOOD.has(type) ? 'green' : 'yellow';
}

function styleOfEvent({ type, reason }: LoggedRecord['event']): Style {
  const isBadEnd = type === 'vmm.exited' && reason !== 'power_off' && reason !== 'quit';
  return ALARMING.has(type) || isBadEnd ? 'red' : 'bold';
}
