import { phaseOf } from '../../../../machines/public-states.ts';
import { effectName, outcomeWords } from '../../../projections/words/effect-words.ts';
import { eventWords } from '../../../projections/words/event-words.ts';
import { factWords } from '../../../projections/words/fact-words.ts';
import type { ShownRecord } from './record-window.ts';

/** One record in the words in which `statevisor history` tells it. */
export interface RecordWords {
  readonly event: string;
  /** `admin@http`, `system`. */
  readonly who: string;
  readonly decided: readonly string[];
  readonly done: readonly string[];
  readonly phase: string;
}

export function recordWords(record: ShownRecord): RecordWords {
  const { actor, via } = record.cause;
  return {
    event: eventWords(record.event),
    who: via === 'system' ? 'system' : `${actor}@${via}`,
    decided: record.facts.map(factWords),
    done: doneWords(record),
    phase: phaseOf(record.state.value),
  };
}

function doneWords({ effects, outcomes, stream, version }: ShownRecord): string[] {
  // Only the history knows what became of what a record asked for.
  if (outcomes === undefined) return effects.map(({ kind }) => `${effectName(kind)} asked for`);
  return effects.map(({ kind }, index) => {
    const id = `${stream}/${version}/${index}`;
    return outcomeWords(
      kind,
      outcomes.find(({ effect }) => effect === id),
    );
  });
}
