import type { Effect } from '../../machines/effects.ts';
import type { Edge } from './laws.ts';

/** What was asked of the world and has neither ended nor been withdrawn: effects of one instance run one at a time, in order. */

export type InAir = readonly string[];

/**
 * Asked again on purpose: questions of which only the newest counts, removals of which each names what it is about, and the
 * clock of a guest that was paused once more since.
 */
const ASKED_AGAIN: ReadonlySet<Effect['kind']> = new Set([
  'vmm.inspect',
  'instance.remove',
  'host.admit',
  'snapshot.drop',
  'traffic.confirm',
  'guest.set_clock',
] as const);

const keyOf = ({ kind, run }: Pick<Effect, 'kind' | 'run'>): string => `${run} ${kind}`;

/** What is in the air was of a daemon that is gone, once somebody has looked. */
export function inAirAfterEvent(inAir: InAir, { event }: Edge): InAir {
  if (event.type === 'vmm.found') return [];
  return 'kind' in event ? inAir.filter((one) => one !== `${event.run} ${event.kind}`) : inAir;
}

export function inAirAfterStep(inAir: InAir, { effects }: Edge['step']): InAir {
  let now = [...inAir];
  for (const effect of effects) {
    if (effect.kind === 'effect.withdraw') now = now.filter((one) => !one.startsWith(`${effect.run} `));
    else if (!ASKED_AGAIN.has(effect.kind)) now.push(keyOf(effect));
  }
  return now;
}

/** The first that is asked although the same is in the air. */
export function askedTwice(inAir: InAir, step: Edge['step']): string | null {
  const all = inAirAfterStep(inAir, step);
  return all.find((one, index) => all.indexOf(one) !== index) ?? null;
}
