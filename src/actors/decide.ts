import type { ExternalEvent } from '../../machines/events.ts';
import { upgradeStep } from '../../machines/migrate.ts';
import { type Step, step } from '../../machines/step.ts';
import { StatevisorError } from './errors.ts';
import type { Head } from './records.ts';

/** What the chart makes of an event, and what its host says to that. */

/** Of an event that made the chart throw: the event that sets the instance aside. */
export interface Decided {
  readonly event: ExternalEvent;
  readonly result: Step;
}

/** A rule that throws takes this one instance out of automatic care: visible, its VM untouched. */
export function decide(
  { snapshot, timers }: Head,
  event: ExternalEvent,
  report: (message: string, error: unknown) => void,
): Decided {
  if (event.type === 'chart.upgraded') return { event, result: upgradeStep(snapshot, timers) };
  try {
    return { event, result: step(snapshot, event) };
  } catch (error) {
    report(`A rule threw on ${event.type}.`, error);
    const message = error instanceof Error ? error.message : String(error);
    const quarantine = { type: 'instance.quarantined' as const, at: event.at, error: `${event.type}: ${message}` };
    return { event: quarantine, result: step(snapshot, quarantine) };
  }
}

/** With the room that it needs, until `release` is called. */
export interface Admitted {
  readonly decided: Decided;
  readonly release: () => void;
}

const NOTHING_KEPT = (): void => {};

/**
 * What people ask for, and what a schedule does, needs room on the host; what has happened is so without any. A command
 * is refused where there is none (this throws); of a minute the chart decides once more, as one of which nothing may come.
 */
export function admit(
  decided: Decided,
  isCommand: boolean,
  reserve: (decided: Decided) => () => void,
  again: (event: ExternalEvent) => Decided,
): Admitted {
  const { event } = decided;
  if (isCommand) return { decided, release: reserve(decided) };
  if (event.type !== 'schedule.due' || event.left_out !== undefined) return { decided, release: NOTHING_KEPT };
  try {
    return { decided, release: reserve(decided) };
  } catch (error) {
    if (!(error instanceof StatevisorError) || error.code !== 'insufficient_resources') throw error;
    return { decided: again({ ...event, left_out: 'disk' }), release: NOTHING_KEPT };
  }
}
