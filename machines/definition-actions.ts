import { type ChartContext, NO_RESTARTS } from './context.ts';
import type { Definition } from './definition.ts';
import { chart } from './setup.ts';

/** A schedule counts from when it is set: a minute that began before then is as good as heard. */
function heardBefore(at: number): Pick<ChartContext, 'schedules'> {
  const before = Math.max(0, at - 1);
  return { schedules: { standby: before, wake: before, snapshot: before } };
}

/**
 * Takes over the changed parts of the definition; a changed health check opens a new window. `up` tells the other
 * regions whether the guest runs right now.
 */
export const applyChangesWhen = (up: boolean) => [
  chart.assign(({ context, event }) => {
    if (event.type !== 'update' || context.definition === null) return {};
    const definition: Definition = { ...context.definition, ...event.changes };
    const health =
      event.changes.health_check === undefined
        ? context.health
        : { ...context.health, revision: context.health.revision + 1 };
    const heard = event.changes.schedules == null ? {} : heardBefore(event.at);
    return { definition, health, intent: { ...context.intent, at: event.at }, ...heard };
  }),
  chart.emit(({ event }) => ({
    type: 'instance.updated' as const,
    parts: event.type === 'update' ? Object.keys(event.changes) : [],
  })),
  chart.raise(({ event }) => ({
    type: 'definition.changed' as const,
    at: event.at,
    up,
    parts: event.type === 'update' ? Object.keys(event.changes) : [],
  })),
];

export const applyChanges = applyChangesWhen(false);

export const create = [
  chart.assign(({ context, event }) => {
    if (event.type !== 'create') return {};
    const { definition, wanted, by, at } = event;
    const origin = event.from ?? null;
    const heard = definition.schedules == null ? {} : heardBefore(at);
    const { run } = context;
    return { definition, created_at: at, intent: { wanted, by, at }, restart: NO_RESTARTS, run, origin, ...heard };
  }),
  chart.emit(({ context }) => ({
    type: 'instance.created' as const,
    name: context.definition?.name ?? '',
    wanted: context.intent.wanted,
  })),
  chart.raise(({ context, event }) => ({
    type: 'definition.changed' as const,
    at: event.at,
    up: false,
    // A restart policy given at birth changes nothing that could be reset.
    parts: Object.keys(context.definition ?? {}).filter((part) => part !== 'restart_policy'),
  })),
];
