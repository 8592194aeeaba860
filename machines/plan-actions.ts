import type { AnyActorScope } from 'xstate';
import { Unplanned } from './plan-parts.ts';

/** Runs the actions of a planned step as XState would: assignments at once, everything else handed out as data. */

export interface ChartAction {
  readonly type: string;
  readonly params: unknown;
}

export interface RaisedEvent {
  readonly type: string;
}

/** What actions read and change. */
export interface ActionRun {
  context: object;
  /** Whether anything was assigned. */
  changed: boolean;
  /** Events for the steps that follow. */
  readonly raised: RaisedEvent[];
  readonly collected: ChartAction[];
}

export interface Implementations {
  readonly actions: Readonly<Record<string, unknown>>;
  readonly delays: Readonly<Record<string, unknown>>;
  readonly scope: AnyActorScope;
  /** A snapshot of XState's with this context, for the one kind of action that XState itself has to unfold. */
  readonly snapshot: (context: object) => object;
}

/** XState's own actions are functions with these properties. */
interface BuiltIn {
  readonly type: string;
  readonly assignment?: ((moment: object, params: unknown) => object) | Readonly<Record<string, unknown>>;
  readonly event?: unknown;
  readonly id?: string;
  readonly delay?: unknown;
  readonly sendId?: unknown;
  readonly resolve?: (...args: unknown[]) => readonly [unknown, unknown, readonly unknown[] | undefined];
}

interface Moment {
  readonly context: object;
  readonly event: RaisedEvent;
  readonly self: unknown;
  readonly system: unknown;
}

function evaluated(expression: unknown, moment: Moment, params: unknown): unknown {
  return typeof expression === 'function' ? expression(moment, params) : expression;
}

function assigned({ assignment }: BuiltIn, moment: Moment, params: unknown): object {
  if (typeof assignment === 'function') return Object.assign({}, moment.context, assignment(moment, params));
  const update: Record<string, unknown> = {};
  for (const [key, expression] of Object.entries(assignment ?? {})) update[key] = evaluated(expression, moment, params);
  return Object.assign({}, moment.context, update);
}

function raise(run: ActionRun, made: Implementations, action: BuiltIn, moment: Moment, params: unknown): void {
  const event = evaluated(action.event, moment, params) as RaisedEvent;
  const expression = typeof action.delay === 'string' ? made.delays[action.delay] : action.delay;
  const delay = evaluated(expression, moment, params);
  if (typeof delay !== 'number') run.raised.push(event);
  run.collected.push({ type: action.type, params: { event, id: action.id, delay } });
}

function runBuiltIn(run: ActionRun, made: Implementations, action: BuiltIn, moment: Moment, params: unknown): void {
  const { type } = action;
  switch (type) {
    case 'xstate.assign':
      run.context = assigned(action, moment, params);
      run.changed = true;
      break;
    case 'xstate.emit':
      run.collected.push({ type, params: { event: evaluated(action.event, moment, params) } });
      break;
    case 'xstate.raise':
      raise(run, made, action, moment, params);
      break;
    case 'xstate.cancel':
      run.collected.push({ type, params: { sendId: evaluated(action.sendId, moment, params) } });
      break;
    case 'xstate.enqueueActions': {
      const [, , actions] = action.resolve!(made.scope, made.snapshot(run.context), moment, params, action);
      runActions(run, made, actions ?? [], moment.event);
      break;
    }
    default:
      throw new Unplanned(type);
  }
}

function nameOf(action: unknown): { readonly type: string; readonly params?: unknown } {
  return typeof action === 'string' ? { type: action } : (action as { type: string; params?: unknown });
}

export function runActions(
  run: ActionRun,
  made: Implementations,
  actions: readonly unknown[],
  event: RaisedEvent,
): void {
  const { self, system } = made.scope;
  for (const action of actions) {
    const moment: Moment = { context: run.context, event, self, system };
    if (typeof action === 'function') {
      if (!('resolve' in action)) throw new Unplanned('an inline action');
      runBuiltIn(run, made, action as unknown as BuiltIn, moment, undefined);
      continue;
    }
    const { type, params } = nameOf(action);
    const resolved = made.actions[type];
    const given = typeof params === 'function' ? params({ context: run.context, event }) : params;
    if (typeof resolved === 'function' && 'resolve' in resolved) {
      runBuiltIn(run, made, resolved as unknown as BuiltIn, moment, given);
    } else {
      run.collected.push({ type, params: given });
    }
  }
}
