import { loadavg } from 'node:os';
import type { InstanceRecord } from '../machines/record.ts';
import { toRfc3339 } from '../src/projections/instants.ts';

/** What whoever has to find out why a check failed is told, in lines. */

export function loadTold(): string {
  return `load ${loadavg()
    .map((one) => one.toFixed(1))
    .join(' ')}`;
}

export function recordTold({ version, at, event, facts, effects, state }: InstanceRecord): string {
  const error = 'error' in event ? ` (${JSON.stringify(event.error)})` : '';
  const told = [...facts.map(({ type }) => type), ...effects.map(({ kind }) => kind)].join(', ');
  const where = `run ${state.context.run.number} ${JSON.stringify(state.value)}`;
  return `  ${version} ${toRfc3339(at)} ${event.type}${error}: ${told}; ${where}`;
}
