import type { ChartContext } from './context.ts';
import type { Definition } from './definition.ts';
import { mayHaveVmm, type Phase, phaseOf, stateOf } from './public-states.ts';
import type { ChartSnapshot } from './step.ts';

/**
 * Whether an instance is awake, and what keeps it so: of several causes the one that has to end first. It follows from
 * one record alone until the next one comes, so that any stretch of time can be told exactly.
 */

/** Why a VMM lives. docs/reference/wakefulness.md says what each means. */
export const AWAKE_CAUSES = [
  'no_policy',
  'ineligible',
  'observer_blind',
  'held_back',
  'connection',
  'countdown',
  'hold',
  'queued',
  'under_way',
] as const;
export type AwakeCause = (typeof AWAKE_CAUSES)[number];

/** `down`: there is no VMM and no memory of it asleep either. `unknown`: nobody can say whether one lives. */
export const WAKEFULNESS = ['asleep', 'down', 'unknown', ...AWAKE_CAUSES] as const;
export type Wakefulness = (typeof WAKEFULNESS)[number];

export function isAwake(wakefulness: Wakefulness): wakefulness is AwakeCause {
  return (AWAKE_CAUSES as readonly Wakefulness[]).includes(wakefulness);
}

/** It is so from this instant (epoch ms) on. */
export interface Stretch {
  readonly is: Wakefulness;
  readonly from: number;
}

/** The parts of a record that say it. Those of older charts may lack what came later. */
export interface RecordedState {
  readonly value: ChartSnapshot['value'];
  readonly context: Pick<ChartContext, 'intent' | 'standby'> & Partial<Pick<ChartContext, 'host'>>;
}

/** Until when somebody has asked that it stay awake, as long as that has not elapsed at `at`. */
export function heldUntil({ standby }: { standby: { hold_until: number | null } }, at: number): number | null {
  const { hold_until } = standby;
  return hold_until !== null && hold_until > at ? hold_until : null;
}

type Policies = Pick<Definition, 'auto_standby'>;

/** What the instance is from `at` on as long as nothing is recorded of it: never empty, in ascending order. */
export function wakefulnessFrom(state: RecordedState, definition: Policies, at: number): readonly Stretch[] {
  const phase = phaseOf(state.value);
  if (phase !== 'running') return [{ is: atRestOrUnderWay(phase, state), from: at }];
  switch (stateOf(state.value, 'standby')) {
    case 'disabled':
      return [{ is: 'no_policy', from: at }];
    case 'ineligible':
      return [{ is: 'ineligible', from: at }];
    case 'blind':
      return [{ is: 'observer_blind', from: at }];
    case 'active':
      return [{ is: isHeldBack(state) ? 'held_back' : 'connection', from: at }];
    case 'countdown':
      return countedDown(state, definition, at);
    case 'queued':
      return [{ is: 'queued', from: at }];
    default:
      return [{ is: 'under_way', from: at }];
  }
}

/** What keeps it awake at this instant, as far as is recorded; null when it is not awake. */
export function whyAwake(state: RecordedState, definition: Policies, at: number): AwakeCause | null {
  const present = wakefulnessFrom(state, definition, at).findLast(({ from }) => from <= at);
  return present !== undefined && isAwake(present.is) ? present.is : null;
}

/** The idle timeout comes first; a hold that is longer keeps it awake from where that has passed, and it is it that ends last. */
function countedDown({ context }: RecordedState, { auto_standby }: Policies, at: number): readonly Stretch[] {
  const { idle_since, hold_until } = context.standby;
  const idleFor = (idle_since ?? at) + (auto_standby?.idle_timeout_ms ?? 0);
  if (hold_until === null || hold_until <= idleFor) return [{ is: 'countdown', from: at }];
  if (idleFor <= at) return [{ is: 'hold', from: at }];
  return [
    { is: 'countdown', from: at },
    { is: 'hold', from: idleFor },
  ];
}

function atRestOrUnderWay(phase: Phase, { context }: RecordedState): Wakefulness {
  if (phase === 'standby') return 'asleep';
  // Another snapshot is to take the place of what it sleeps in, which stays until that is there.
  if (phase === 'reverting' && context.standby.asleep_since !== null) return 'asleep';
  if (phase === 'lost' || phase === 'quarantined') return 'unknown';
  return mayHaveVmm(phase) ? 'under_way' : 'down';
}

function isHeldBack({ context }: RecordedState): boolean {
  return (context.host?.mode ?? 'normal') !== 'normal' || context.intent.wanted === 'ignore';
}
