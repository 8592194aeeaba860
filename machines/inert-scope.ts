import type { AnyActorScope } from 'xstate';
import type { ChartAction } from './plan-actions.ts';

/**
 * The scope XState's transition asks for, made once and used for nothing but collecting actions: no actor runs, nothing
 * is scheduled, nothing is sent.
 */
export function inertScope(collect: (action: ChartAction) => void): AnyActorScope {
  const nothing = (): void => {};
  return {
    self: { id: 'instance', sessionId: 'instance', getSnapshot: nothing, send: nothing },
    id: 'instance',
    sessionId: 'instance',
    logger: nothing,
    defer: nothing,
    emit: nothing,
    stopChild: nothing,
    system: { _sendInspectionEvent: nothing, _relay: nothing, scheduler: {} },
    actionExecutor: collect,
  } as unknown as AnyActorScope;
}
