import type { ExternalEvent, ObservationEvent, Unstamped } from '../../machines/events.ts';
import { wouldChange } from '../../machines/step.ts';
import type { InstanceActor } from './instance-actor.ts';

export type Deciding = Pick<InstanceActor, 'working' | 'head'>;

/**
 * Whether a reading can be dropped before it becomes a letter: the instance has dealt with everything else, and its chart
 * would not take it. While it has something in hand the state it will be in is not known, and the reading waits its turn.
 */
export function changesNothing(actor: Deciding, reading: Unstamped<ObservationEvent>, now: number): boolean {
  if (actor.working) return false;
  const { at, snapshot } = actor.head;
  return !wouldChange(snapshot, { ...reading, at: Math.max(now, at) } as ExternalEvent);
}
