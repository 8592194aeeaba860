import type { AnyStateNode } from 'xstate';
import { CHART_VERSION, instanceChart } from '../../machines/chart.ts';

/** The chart as data, read off the machine itself: what a picture of it shows. Paths are dotted: `lifecycle.stopping.graceful`. */

export interface ChartTransition {
  /** Type of the event; of a timer its recorded name, such as `timer.backoff`. */
  readonly event: string;
  /** Path of the state it leads to; null when it changes no state. */
  readonly target: string | null;
  /** False: it always happens. */
  readonly guarded: boolean;
  /** Name of the guard, where it has one of its own. */
  readonly guard: string | null;
}

export interface ChartTimer {
  readonly name: string;
  /** Null where the definition or the moment decides. */
  readonly after_ms: number | null;
}

export interface ChartState {
  readonly name: string;
  readonly path: string;
  /** Name of the inner state that is entered first; null for a state without inner ones. */
  readonly initial: string | null;
  readonly tags: readonly string[];
  readonly timers: readonly ChartTimer[];
  /** In the order in which they are tried. */
  readonly transitions: readonly ChartTransition[];
  readonly states: readonly ChartState[];
}

export interface ChartStructure {
  /** As in `chart.version` of the records it has made. */
  readonly version: number;
  /** They are all active at the same time. */
  readonly regions: readonly ChartState[];
}

export function chartStructure(): ChartStructure {
  known ??= { version: CHART_VERSION, regions: inner(instanceChart.root as unknown as AnyStateNode) };
  return known;
}

/** The chart does not change while the program runs. */
let known: ChartStructure | undefined;

function stateOf(node: AnyStateNode): ChartState {
  const initial = node.config.initial;
  return {
    name: node.key,
    path: pathOf(node),
    initial: typeof initial === 'string' ? initial : null,
    tags: [...node.tags],
    timers: [...new Set(node.after.map(({ eventType }) => eventType))].map(timerOf),
    transitions: [...node.transitions.values()].flat().map((transition) => ({
      event: recordedName(transition.eventType),
      target: transition.target?.[0] === undefined ? null : pathOf(transition.target[0]),
      guarded: transition.guard !== undefined,
      guard: guardName(transition.guard),
    })),
    states: inner(node),
  };
}

function inner(node: AnyStateNode): ChartState[] {
  return Object.values(node.states).map(stateOf);
}

function pathOf(node: AnyStateNode): string {
  return node.path.join('.');
}

const AFTER_PREFIX = 'xstate.after.';

function delayOf(eventType: string): string {
  return eventType.slice(AFTER_PREFIX.length).split('.')[0] ?? '';
}

function recordedName(eventType: string): string {
  return eventType.startsWith(AFTER_PREFIX) ? `timer.${delayOf(eventType)}` : eventType;
}

function timerOf(eventType: string): ChartTimer {
  const delays: Readonly<Record<string, unknown>> = instanceChart.implementations.delays;
  const delay = delays[delayOf(eventType)];
  return { name: recordedName(eventType), after_ms: typeof delay === 'number' ? delay : null };
}

/** Guards that another function has made have no name; those of `const` and `function` have one. */
function guardName(guard: unknown): string | null {
  return typeof guard === 'function' && guard.name !== '' && guard.name !== 'guard' ? guard.name : null;
}
