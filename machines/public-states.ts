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
  forking: 'Created',
  booting: 'Initializing',
  running: 'Running',
  quiescing: 'Paused',
  pausing: 'Paused',
  snapshotting: 'Paused',
  sealing: 'Paused',
  capturing: 'Paused',
  resuming: 'Paused',
  restoring: 'Paused',
  reverting: 'Paused',
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
 * Whether a VMM lives in a state: `at_rest` when its run has ended and nothing is under way, `perhaps` where nobody can say,
 * and `none` before the first run and after the last.
 */
const VMM = {
  absent: 'none',
  preparing: 'none',
  forking: 'none',
  booting: 'lives',
  running: 'lives',
  quiescing: 'lives',
  pausing: 'lives',
  snapshotting: 'lives',
  sealing: 'lives',
  capturing: 'lives',
  resuming: 'lives',
  restoring: 'lives',
  reverting: 'none',
  stopping: 'lives',
  stopped: 'at_rest',
  failed: 'at_rest',
  standby: 'at_rest',
  lost: 'perhaps',
  quarantined: 'perhaps',
  deleting: 'none',
  deleted: 'none',
} as const satisfies Readonly<Record<keyof typeof TABLE, 'none' | 'lives' | 'at_rest' | 'perhaps'>>;

/**
 * Our own, finer word for where an instance is: the lifecycle state; at rest `backoff` while a restart is pending, and
 * `held` while an automatic start waits for the host.
 */
export type Phase = keyof typeof TABLE | 'backoff' | 'held';

/** At rest, and about to be started all the same. */
export function awaitsStart(phase: Phase): boolean {
  return phase === 'backoff' || phase === 'held';
}

/** States in which nothing more comes by itself, unless a start is pending: whoever waits for another waits in vain. */
const RESTING: readonly PublicState[] = ['Stopped', 'Standby', 'Unknown'];

export function hasComeToRest(phase: Phase): boolean {
  if (phase === 'backoff' || phase === 'held') return false;
  return RESTING.includes(TABLE[phase]);
}

/** A VMM of it lives, or may live for all that anybody knows. */
export function mayHaveVmm(phase: Phase): boolean {
  const vmm = vmmIn(phase);
  return vmm === 'lives' || vmm === 'perhaps';
}

/** Its run has ended for certain, and the next one has not begun. */
export function runIsOver(phase: Phase): boolean {
  return vmmIn(phase) === 'at_rest';
}

/** It has no run yet, and gets what it needs for one: its image, or its copy of another's snapshot. */
export function awaitsFirstRun(phase: Phase): boolean {
  return phase === 'preparing' || phase === 'forking';
}

/** It comes up, runs, or is set aside with whatever runs of it: nobody who waits for its end will see it come by itself. */
export function isLeftUp(phase: Phase): boolean {
  return phase === 'booting' || phase === 'running' || phase === 'quarantined';
}

/** Only of a guest that runs is its health told; one that comes up is `starting`, whatever was probed. */
export function healthShown<const H extends string>(inChart: H, shown: PublicState): H | 'starting' | 'unknown' {
  if (inChart === 'disabled') return inChart;
  if (shown === 'Initializing') return 'starting';
  return showsHealth(shown) ? inChart : 'unknown';
}

export function showsHealth(shown: PublicState): boolean {
  return shown === 'Running';
}

function vmmIn(phase: Phase): (typeof VMM)[keyof typeof VMM] {
  return phase === 'backoff' || phase === 'held' ? 'at_rest' : VMM[phase];
}

export type RegionName = 'lifecycle' | 'restart' | 'health' | 'standby' | 'expiry';

/** Top state of one region: `booting` for `{ booting: 'spawning' }`. Empty where a record that is set aside lacks the region. */
export function stateOf(value: ChartSnapshot['value'], region: RegionName): string {
  const state = (value as Record<string, unknown>)[region];
  return typeof state === 'string' ? state : (Object.keys(state ?? {})[0] ?? '');
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
