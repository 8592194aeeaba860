import type { ChartSnapshot } from './step.ts';

/** The one table from the chart's states to what users see: the eight public states, and our own phase. */

export const PUBLIC_STATES = [
  'Created',
  'Initializing',
  'Running',
  'Paused',
  'Shutdown',
  'Stopped',
  'Standby',
  'Unknown',
] as const;
export type PublicState = (typeof PUBLIC_STATES)[number];

const TABLE = {
  absent: 'Unknown',
  preparing: 'Created',
  booting: 'Initializing',
  running: 'Running',
  quiescing: 'Paused',
  pausing: 'Paused',
  snapshotting: 'Paused',
  resuming: 'Paused',
  restoring: 'Paused',
  stopping: 'Shutdown',
  stopped: 'Stopped',
  failed: 'Stopped',
  standby: 'Standby',
  lost: 'Unknown',
  quarantined: 'Unknown',
  deleting: 'Shutdown',
  deleted: 'Unknown',
} as const satisfies Readonly<Record<string, PublicState>>;

/**
 * Our own, finer word for where an instance is: the lifecycle state; at rest `backoff` while a restart is pending, and
 * `held` while an automatic start waits for the host.
 */
export type Phase = keyof typeof TABLE | 'backoff' | 'held';

/** At rest, and about to be started all the same. */
export function awaitsStart(phase: Phase): boolean {
  return phase === 'backoff' || phase === 'held';
}

export type RegionName = 'lifecycle' | 'restart' | 'health' | 'standby' | 'expiry';

/** Top state of one region: `booting` for `{ booting: 'spawning' }`. */
export function stateOf(value: ChartSnapshot['value'], region: RegionName): string {
  const state = (value as Record<string, unknown>)[region];
  return typeof state === 'string' ? state : (Object.keys(state as object)[0] ?? '');
}

export function phaseOf(value: ChartSnapshot['value']): Phase {
  const lifecycle = stateOf(value, 'lifecycle') as keyof typeof TABLE;
  if (lifecycle !== 'stopped' && lifecycle !== 'failed') return lifecycle;
  const restart = stateOf(value, 'restart');
  if (restart === 'backoff') return 'backoff';
  return restart === 'admission' ? 'held' : lifecycle;
}

export function publicStateOf(value: ChartSnapshot['value']): PublicState {
  return TABLE[stateOf(value, 'lifecycle') as keyof typeof TABLE];
}
