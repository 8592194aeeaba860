import type { AnyActorScope, AnyStateMachine, AnyStateNode } from 'xstate';
import {
  type ActionRun,
  type ChartAction,
  type Implementations,
  type RaisedEvent,
  runActions,
} from './plan-actions.ts';
import { type Candidates, candidatesOf, configurationKey, type Move, moveOf, type Transition } from './plan-parts.ts';

/**
 * XState's transitions of one machine, worked out once and reused. For a configuration and an event type, what each
 * region could do is a fixed list; for a configuration and the transitions taken, what is left, done and entered is
 * one, too. Guards, assignments and the expressions in actions are all that is left to be called. XState works
 * everything out again for each event and builds a whole snapshot after each assignment.
 *
 * What is not planned (plan-parts.ts) or throws is left to XState: `run` answers null then.
 * docs/decisions/0004 says what that is worth; test/machines/plans.unit.test.ts shows that both ways agree.
 */

/** The parts of XState's snapshot that are used here. */
interface Snapshot {
  readonly context: object;
  readonly _nodes: readonly AnyStateNode[];
}

interface Configuration<S> {
  readonly nodes: readonly AnyStateNode[];
  /** Any snapshot in this configuration: all others share its parts and differ in their context. */
  readonly template: S;
  readonly candidates: Map<string, Candidates>;
  readonly nothingTaken: Taken<S>;
}

/** Some transitions taken together; a tree, since it is looked up by one transition after the other. */
interface Taken<S> {
  readonly transitions: readonly Transition[];
  readonly further: Map<Transition, Taken<S>>;
  move: (Move & { readonly to: Configuration<S> }) | null;
}

export interface Plans<S> {
  /**
   * One macrostep; pushes the actions as XState would hand them out. Null: this one is XState's, and what was pushed is
   * to be forgotten.
   */
  readonly run: (snapshot: S, event: RaisedEvent, collected: ChartAction[]) => S | null;
  /** Whether any transition would be taken, by asking guards and nothing else. Null: XState is to be asked. */
  readonly takes: (snapshot: S, event: RaisedEvent) => boolean | null;
}

interface Book<S> {
  readonly machine: AnyStateMachine;
  readonly configurations: Map<string, Configuration<S>>;
  /** The same by the list of states that a snapshot holds. */
  readonly known: WeakMap<readonly AnyStateNode[], Configuration<S>>;
}

/** Where a macrostep stands. */
interface Progress<S> extends ActionRun {
  configuration: Configuration<S>;
}

function intern<S extends Snapshot>(
  book: Book<S>,
  nodes: readonly AnyStateNode[],
  template: () => S,
): Configuration<S> {
  const key = configurationKey(nodes);
  let configuration = book.configurations.get(key);
  if (configuration === undefined) {
    const nothingTaken: Taken<S> = { transitions: [], further: new Map(), move: null };
    configuration = { nodes, template: template(), candidates: new Map(), nothingTaken };
    book.configurations.set(key, configuration);
    book.known.set(configuration.template._nodes, configuration);
  }
  return configuration;
}

function configurationOf<S extends Snapshot>(book: Book<S>, snapshot: S): Configuration<S> {
  let configuration = book.known.get(snapshot._nodes);
  if (configuration === undefined) {
    configuration = intern(book, snapshot._nodes, () => snapshot);
    book.known.set(snapshot._nodes, configuration);
  }
  return configuration;
}

/** The value that names these states. */
function namedBy(node: AnyStateNode, nodes: readonly AnyStateNode[]): unknown {
  const children = nodes.filter((child) => child.parent === node);
  if (node.type === 'parallel') {
    return Object.fromEntries(children.map((child) => [child.key, namedBy(child, nodes)]));
  }
  const [child] = children;
  if (child === undefined) return {};
  return child.type === 'compound' ? { [child.key]: namedBy(child, nodes) } : child.key;
}

/** A snapshot of XState's own making in the configuration that these states are. */
function templateOf<S>({ machine }: Book<S>, nodes: readonly AnyStateNode[], context: object): S {
  return machine.resolveState({ value: namedBy(machine.root, nodes), context } as never) as unknown as S;
}

/** The transitions that this event enables: per region the first one, from inside out, whose guard agrees. */
function take<S>({ configuration, context }: Progress<S>, event: RaisedEvent): Taken<S> {
  let candidates = configuration.candidates.get(event.type);
  if (candidates === undefined) {
    candidates = candidatesOf(configuration.nodes, event.type);
    configuration.candidates.set(event.type, candidates);
  }
  let taken = configuration.nothingTaken;
  for (const region of candidates) {
    for (const transition of region) {
      if (transition.guard !== undefined && !transition.guard({ context, event }, undefined)) continue;
      let further = taken.further.get(transition);
      if (further === undefined) {
        further = { transitions: [...taken.transitions, transition], further: new Map(), move: null };
        taken.further.set(transition, further);
      }
      taken = further;
      break;
    }
  }
  return taken;
}

function moveFor<S extends Snapshot>(
  book: Book<S>,
  { configuration, context }: Progress<S>,
  taken: Taken<S>,
): NonNullable<Taken<S>['move']> {
  if (taken.move === null) {
    const move = moveOf(configuration.nodes, taken.transitions);
    const to = move.moves ? intern(book, move.nodes, () => templateOf(book, move.nodes, context)) : configuration;
    taken.move = { ...move, to };
  }
  return taken.move;
}

export function createPlans<S extends Snapshot>(machine: AnyStateMachine, scope: AnyActorScope): Plans<S> {
  const book: Book<S> = { machine, configurations: new Map(), known: new WeakMap() };
  const { actions, delays } = machine.implementations as unknown as Implementations;
  const raisedMax = machine.options?.maxIterations ?? Number.POSITIVE_INFINITY;

  const microstep = (progress: Progress<S>, event: RaisedEvent): void => {
    const taken = take(progress, event);
    if (taken.transitions.length === 0) return;
    const move = moveFor(book, progress, taken);
    const { template } = progress.configuration;
    const made: Implementations = { actions, delays, scope, snapshot: (context) => ({ ...template, context }) };
    runActions(progress, made, move.actions, event);
    if (!move.moves) return;
    progress.configuration = move.to;
    progress.changed = true;
  };
  const macrostep = (snapshot: S, event: RaisedEvent, collected: ChartAction[]): S | null => {
    const configuration = configurationOf(book, snapshot);
    const { context } = snapshot;
    const progress: Progress<S> = { configuration, context, changed: false, raised: [], collected };
    microstep(progress, event);
    for (let next = 0; next < progress.raised.length; next++) {
      // One short of XState's own bound, so that it is XState that finds the loop and says so.
      if (next + 1 >= raisedMax) return null;
      microstep(progress, progress.raised[next]!);
    }
    return progress.changed ? { ...progress.configuration.template, context: progress.context } : snapshot;
  };
  const takes = (snapshot: S, event: RaisedEvent): boolean => {
    const configuration = configurationOf(book, snapshot);
    const { context } = snapshot;
    return take({ configuration, context, changed: false, raised: [], collected: [] }, event).transitions.length > 0;
  };
  return {
    takes: (snapshot, event) => {
      try {
        return takes(snapshot, event);
      } catch {
        return null;
      }
    },
    run: (snapshot, event, collected) => {
      try {
        return macrostep(snapshot, event, collected);
      } catch {
        // Either it is not planned, or a rule threw: XState does it again and throws what it throws.
        return null;
      }
    },
  };
}
