import type { OutcomeCollector } from '../feed/effect-outcomes.ts';
import type { LoggedRecord } from '../feed/readable-log.ts';
import { effectWords } from './effect-words.ts';
import { eventWords } from './event-words.ts';
import { clockTime, spanWords } from './plain.ts';

/**
 * What we did to one instance, as the lines of a log: each operation as it is asked for and as it ends. It is the
 * record stream in other words, so there is no second place where the same is written down.
 */
export function operationLines(record: LoggedRecord, collector: OutcomeCollector): string[] {
  const place = `${clockTime(record.at)} v${record.version}`;
  const [ended] = collector.endedWith(record.version);
  const after = ended === undefined ? '' : ` (${spanWords(ended.duration_ms)})`;
  const { cause, effects = [], facts = [] } = record;
  const isEnd = facts.some((fact) => fact.type === 'instance.ended');
  const isResult = cause.causation !== null || ended !== undefined || isEnd;
  const asked = effects.map(({ kind, run }) => `${place} ${effectWords(kind, run)}: asked for`);
  return [...(isResult ? [`${place} ${eventWords(record.event)}${after}`] : []), ...asked];
}
