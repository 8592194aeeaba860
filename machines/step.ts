import { type AnyStateNode, initialTransition } from 'xstate';
import { instanceChart } from './chart.ts';
import type { ChartContext } from './context.ts';
import type { Effect } from './effects.ts';
import type { ExternalEvent } from './events.ts';
import type { Fact } from './facts.ts';
import { inertScope } from './inert-scope.ts';
import type { ChartAction } from './plan-actions.ts';
import { createPlans } from './plans.ts';
import type { TimerArmed, TimerName } from './record.ts';

/**
 * One step of the chart as a pure function: state and event in, next state and plain data out. XState's own semantics
 * decide; docs/decisions/0004 tells how its transition is called and test/machines/step.unit.test.ts proves that it
 * equals the public `transition()`.
 */

export type ChartSnapshot = ReturnType<typeof instanceChart.resolveState>;

/** A state as records keep it: the snapshot without the definition, which records name by version. */
export interface StateData {
  readonly value: ChartSnapshot['value'];
  readonly context: Omit<ChartContext, 'definition'>;
}

export interface Step {
  /** False: the event means nothing here and nothing is to be recorded. */
  readonly accepted: boolean;
  readonly next: ChartSnapshot;
  readonly facts: readonly Fact[];
  readonly effects: readonly Effect[];
  readonly armed: readonly TimerArmed[];
  readonly cancelled: readonly TimerName[];
}

/** `xstate.after.<delay>.<state id>` of every delay of the chart: each delay belongs to exactly one state. */
const AFTER_EVENT: ReadonlyMap<TimerName, string> = collectAfterEvents();

function collectAfterEvents(): Map<TimerName, string> {
  const found = new Map<TimerName, string>();
  const visit = (node: AnyStateNode): void => {
    for (const { eventType } of node.after) {
      const name = timerNameOf(eventType);
      const known = found.get(name);
      if (known !== undefined && known !== eventType) {
        throw new Error(`The delay ${name} is used by two states: ${known} and ${eventType}.`);
      }
      found.set(name, eventType);
    }
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(instanceChart.root);
  return found;
}

export type { TimerArmed, TimerName } from './record.ts';

export const TIMER_NAMES: readonly TimerName[] = [...AFTER_EVENT.keys()];

const collected: ChartAction[] = [];
const scope = inertScope((action) => collected.push(action));

const plans = createPlans<ChartSnapshot>(instanceChart, scope);

/** The state of a stream before its first record. */
export const EMPTY_SNAPSHOT: ChartSnapshot = initialTransition(instanceChart)[0] as ChartSnapshot;

function toChartEvent(event: ExternalEvent): { type: string; at: number } {
  if (!event.type.startsWith('timer.')) return event;
  const type = AFTER_EVENT.get(event.type as TimerName);
  if (type === undefined) throw new Error(`No state waits for ${event.type}.`);
  return { type, at: event.at };
}

/** Throws whatever a guard or an assignment throws; the runtime quarantines the instance then. */
export function step(snapshot: ChartSnapshot, event: ExternalEvent): Step {
  const chartEvent = toChartEvent(event);
  collected.length = 0;
  const planned = plans.run(snapshot, chartEvent, collected);
  return readActions(snapshot, planned ?? xstateNext(snapshot, chartEvent), event.at, collected);
}

/**
 * Could this event change anything? Only guards are asked, which is much cheaper than a step: of readings that come all the
 * time, such as results of probes, nearly all change nothing. Whatever `step` accepts would change something; so would an
 * event on which a rule throws, since the instance is set aside then.
 */
export function wouldChange(snapshot: ChartSnapshot, event: ExternalEvent): boolean {
  try {
    return plans.takes(snapshot, toChartEvent(event)) ?? step(snapshot, event).accepted;
  } catch {
    return true;
  }
}

/** The same by XState alone: what plans are measured and tested against. */
export function stepByXState(snapshot: ChartSnapshot, event: ExternalEvent): Step {
  return readActions(snapshot, xstateNext(snapshot, toChartEvent(event)), event.at, collected);
}

function xstateNext(snapshot: ChartSnapshot, event: { type: string; at: number }): ChartSnapshot {
  collected.length = 0;
  return instanceChart.transition(snapshot, event as never, scope as never) as ChartSnapshot;
}

/** Sorts XState's actions into what the runtime does with them. */
export function readActions(
  before: ChartSnapshot,
  next: ChartSnapshot,
  at: number,
  actions: readonly ChartAction[],
): Step {
  const facts: Fact[] = [];
  const effects: Effect[] = [];
  const timers = new Map<TimerName, number | null>();
  for (const action of actions) {
    switch (action.type) {
      case 'ask':
        effects.push(action.params as Effect);
        break;
      case 'xstate.emit':
        facts.push((action.params as { event: Fact }).event);
        break;
      case 'xstate.raise':
        noteRaise(timers, action.params as RaiseParams, at);
        break;
      case 'xstate.cancel':
        timers.set(timerNameOf((action.params as { sendId: string }).sendId), null);
        break;
      default:
        break;
    }
  }
  const accepted = next !== before || actions.length > 0;
  return { accepted, next, facts, effects, ...sortTimers(timers) };
}

interface RaiseParams {
  readonly id?: string;
  readonly delay?: number;
}

/** A raise without a delay has already been processed; one with a delay arms a timer. */
function noteRaise(timers: Map<TimerName, number | null>, { id, delay }: RaiseParams, at: number): void {
  if (delay === undefined || id === undefined) return;
  if (!Number.isFinite(delay) || delay < 0) throw new Error(`The delay of ${id} is not a duration: ${delay}.`);
  timers.set(timerNameOf(id), at + delay);
}

/** `xstate.after.stop_deadline.graceful` is recorded as `timer.stop_deadline`: delay names hold no dots. */
function timerNameOf(afterId: string): TimerName {
  return `timer.${afterId.split('.')[2] ?? ''}`;
}

/** Of what one step did to a timer only the last word counts: leaving and entering again leaves it armed. */
function sortTimers(timers: ReadonlyMap<TimerName, number | null>): Pick<Step, 'armed' | 'cancelled'> {
  const armed: TimerArmed[] = [];
  const cancelled: TimerName[] = [];
  for (const [name, due] of timers) {
    if (due === null) cancelled.push(name);
    else armed.push({ name, due });
  }
  return { armed, cancelled };
}

export function toStateData(snapshot: ChartSnapshot): StateData {
  const { definition: _named, ...context } = snapshot.context;
  return { value: snapshot.value, context };
}

/** Refuses a state that lacks a region: XState would silently give it its initial one. */
export function fromStateData(state: StateData, definition: ChartContext['definition']): ChartSnapshot {
  const value = state.value as Record<string, unknown>;
  for (const region of Object.keys(instanceChart.root.states)) {
    if (!(region in value)) throw new Error(`The recorded state has no region ${region}; it needs a migration.`);
  }
  const context = { ...state.context, definition };
  const configuration = JSON.stringify(state.value);
  let template = restored.get(configuration);
  if (template === undefined) {
    template = instanceChart.resolveState({ value: state.value, context }) as ChartSnapshot;
    restored.set(configuration, template);
  }
  return { ...template, context };
}

/** One snapshot of each configuration met in records, whose parts all others share: the chart has only so many. */
const restored = new Map<string, ChartSnapshot>();
