import type { AnyStateNode } from 'xstate';
import { stateOf } from '../../machines/public-states.ts';
import { automationAllowed, verdictAtRest } from '../../machines/rules.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { type Law, lifecycleOf } from './laws.ts';

/** What the state of one region says about the others: no region may be left behind when another moves on. */

const among = (snapshot: ChartSnapshot, ...states: string[]): boolean => states.includes(lifecycleOf(snapshot));

/** A snapshot that an event has not changed was looked at when it came about. */
function link(rule: string, holds: (next: ChartSnapshot) => boolean): Law {
  return { law: 0, rule, holds: ({ edge }) => edge.step.next === edge.before || holds(edge.step.next) };
}

const inRegion = (snapshot: ChartSnapshot, region: 'restart' | 'health' | 'standby', ...states: string[]): boolean =>
  states.includes(stateOf(snapshot.value, region));

const restartValue = (snapshot: ChartSnapshot): unknown => (snapshot.value as Record<string, unknown>).restart;

const lifecycleValue = (snapshot: ChartSnapshot): string =>
  JSON.stringify((snapshot.value as Record<string, unknown>).lifecycle);

const backoffOf = (snapshot: ChartSnapshot): unknown => {
  const value = restartValue(snapshot);
  return typeof value === 'object' && value !== null && 'backoff' in value ? value.backoff : null;
};

const known = new WeakMap<ChartSnapshot, ReadonlySet<string>>();

/** Names of the timers of all active states: exactly these have to be pending. */
export function timersOf(snapshot: ChartSnapshot): ReadonlySet<string> {
  const before = known.get(snapshot);
  if (before !== undefined) return before;
  const nodes = (snapshot as unknown as { _nodes: readonly AnyStateNode[] })._nodes;
  const names = new Set(nodes.flatMap((node) => node.after.map(({ eventType }) => `timer.${eventType.split('.')[2]}`)));
  known.set(snapshot, names);
  return names;
}

export const REGION_LINKS: readonly Law[] = [
  {
    law: 0,
    rule: 'the pending timers are those of the active states',
    holds: ({ edge, pending }) => {
      const expected = timersOf(edge.step.next);
      return expected.size === pending.size && [...expected].every((name) => pending.has(name as `timer.${string}`));
    },
  },
  {
    law: 0,
    rule: 'no timer is armed in the past',
    holds: ({ edge }) => edge.step.armed.every(({ due }) => Number.isFinite(due) && due >= edge.event.at),
  },
  link(
    'an attempt is under way only while a run is being started, ended or looked for',
    (s) => !inRegion(s, 'restart', 'attempting') || among(s, 'booting', 'stopping', 'lost', 'resuming', 'quarantined'),
  ),
  link(
    'the host is asked for room for a start at rest, or for a guest that runs unhealthy',
    (s) =>
      s.context.admission?.purpose === 'wake' ||
      ((s.context.admission === null) === !inRegion(s, 'restart', 'admission') &&
        (s.context.admission === null ||
          (s.context.admission.purpose === 'health'
            ? among(s, 'running') && inRegion(s, 'health', 'unhealthy')
            : among(s, 'stopped', 'failed')))),
  ),
  link(
    'the host is asked for room to wake exactly while a schedule wakes a sleeper',
    (s) => (s.context.admission?.purpose === 'wake') === lifecycleValue(s).startsWith('{"standby":{"waking"'),
  ),
  link(
    'a turn to be put away is asked for exactly while the guest waits for it, running',
    (s) => (s.context.standby.slot !== null) === inRegion(s, 'standby', 'queued'),
  ),
  link(
    'a named snapshot is being made or brought back exactly in the states that wait for it',
    (s) =>
      (s.context.snapshot_work !== null) ===
      (among(s, 'capturing', 'reverting') || lifecycleValue(s) === '{"standby":"copying"}'),
  ),
  link(
    'whoever is put away without an operator having asked for it has the table read for it',
    (s) => !among(s, 'sealing') || s.context.standby.request !== 'operator',
  ),
  link(
    'since when it sleeps is known of whoever sleeps, or is woken',
    (s) =>
      !(among(s, 'standby') && s.context.standby.asleep_since === null) &&
      (s.context.standby.asleep_since === null ||
        among(s, 'standby', 'restoring', 'reverting', 'stopping', 'lost', 'quarantined')),
  ),
  link(
    'nothing automatic waits while automation is held back',
    (s) => automationAllowed(s.context) || !inRegion(s, 'restart', 'backoff', 'admission', 'gated'),
  ),
  link(
    'nobody counts down to standby while automation is held back',
    (s) => automationAllowed(s.context) || !inRegion(s, 'standby', 'countdown', 'queued', 'confirming', 'requested'),
  ),
  link(
    'an expiry is armed while automation may act, and held while it may not',
    (s) =>
      among(s, 'quarantined') ||
      !['armed', 'held'].includes(stateOf(s.value, 'expiry')) ||
      (stateOf(s.value, 'expiry') === 'armed') === automationAllowed(s.context),
  ),
  link(
    'a program of the host runs exactly in the states that wait for it',
    (s) =>
      (s.context.hook.running !== null) ===
      (among(s, 'quiescing') || (s.value as { lifecycle: { stopping?: string } }).lifecycle.stopping === 'before_stop'),
  ),
  link('a backoff after an end waits at rest', (s) => backoffOf(s) !== 'ended' || among(s, 'stopped', 'failed')),
  link(
    'a backoff of an unhealthy guest waits while it runs unhealthy',
    (s) => backoffOf(s) !== 'unhealthy' || (among(s, 'running') && inRegion(s, 'health', 'unhealthy')),
  ),
  link(
    'the stability period is waited for while the guest runs unhealthy',
    (s) => !inRegion(s, 'restart', 'gated') || (among(s, 'running') && inRegion(s, 'health', 'unhealthy')),
  ),
  link(
    'what is pending is known by its instant, or asked of the host',
    (s) =>
      (s.context.restart.next_attempt_at !== null) ===
      (inRegion(s, 'restart', 'backoff', 'gated') ||
        (s.context.admission?.purpose !== 'wake' && s.context.admission?.retry_at != null)),
  ),
  link(
    'a reason is told only as long as the restart it asks for is owed, under way or blocked',
    (s) =>
      s.context.restart.last_reason === null ||
      inRegion(s, 'restart', 'backoff', 'gated', 'admission', 'attempting', 'exhausted'),
  ),
  link(
    'a restart that only health asks for has its reason',
    (s) =>
      !(inRegion(s, 'restart', 'gated') || backoffOf(s) === 'unhealthy' || s.context.admission?.purpose === 'health') ||
      s.context.restart.last_reason !== null,
  ),
  link(
    'a verdict has its instant exactly while it stands',
    (s) => (s.context.health.unhealthy_since !== null) === inRegion(s, 'health', 'unhealthy'),
  ),
  link(
    'probation is time in running and not unhealthy',
    (s) => !inRegion(s, 'restart', 'probation') || (among(s, 'running') && !inRegion(s, 'health', 'unhealthy')),
  ),
  link('a window of health checking is open only in running', (s) => !s.hasTag('probed') || among(s, 'running')),
  link(
    'in running a check has an open window',
    (s) => !among(s, 'running') || s.context.definition?.health_check == null || s.hasTag('probed'),
  ),
  link(
    'traffic is watched only in running',
    (s) => !inRegion(s, 'standby', 'active', 'countdown', 'queued', 'confirming', 'blind') || among(s, 'running'),
  ),
  link(
    'a guest with a standby policy and a network is watched while it runs',
    (s) =>
      !among(s, 'running') ||
      s.context.definition?.auto_standby?.enabled !== true ||
      s.context.definition.network.enabled !== true ||
      inRegion(s, 'standby', 'active', 'countdown', 'queued', 'confirming', 'blind'),
  ),
  link(
    'a standby request is under way only on its way',
    (s) =>
      !inRegion(s, 'standby', 'requested') ||
      among(
        s,
        'quiescing',
        'pausing',
        'snapshotting',
        'sealing',
        'resuming',
        'booting',
        'stopping',
        'lost',
        'quarantined',
      ),
  ),
  link(
    'a snapshot is kept only by a sleeper, or by one going to sleep or waking up',
    (s) =>
      s.context.snapshot === null ||
      among(
        s,
        'standby',
        'restoring',
        'reverting',
        'sealing',
        'resuming',
        'booting',
        'stopping',
        'lost',
        'quarantined',
      ),
  ),
  link('a sleeper has a snapshot', (s) => !among(s, 'standby', 'restoring') || s.context.snapshot !== null),
  link(
    'a stop is remembered only while it is under way',
    (s) =>
      s.context.stop === null ||
      among(s, 'stopping', 'lost', 'quarantined', 'deleting', 'deleted') ||
      (among(s, 'preparing') && s.context.origin !== null),
  ),
  link(
    'what was put away is remembered only as long as it may be shown again',
    (s) =>
      s.context.put_away === null ||
      (among(s, 'restoring', 'stopping', 'lost', 'quarantined') && s.context.snapshot !== null),
  ),
  link('whoever is being stopped has a reason', (s) => !among(s, 'stopping') || s.context.stop !== null),
  link(
    'a state with a run has one that has not ended',
    (s) => !s.hasTag('has_run') || among(s, 'quarantined') || !s.context.run.ended,
  ),
  link('an instance at rest has no run', (s) => !s.hasTag('at_rest') || s.context.run.ended),
  link(
    'a stopped intent suppresses everything automatic',
    (s) => s.context.intent.wanted !== 'stopped' || inRegion(s, 'restart', 'suppressed', 'idle'),
  ),
  {
    law: 0,
    rule: 'a restart that is due is not forgotten when a run ends, or when automation goes on',
    holds: ({ edge: { before, event, step } }) =>
      !among(step.next, 'stopped', 'failed') ||
      // Bringing a snapshot back took the place of what was owed.
      among(before, 'reverting') ||
      (among(before, 'stopped', 'failed', 'quarantined') && event.type !== 'host.mode_changed') ||
      !inRegion(step.next, 'restart', 'idle', 'probation', 'attempting') ||
      verdictAtRest(step.next.context, event.at) === 'none',
  },
  link(
    'an unhealthy guest under a policy is not forgotten',
    (s) =>
      !among(s, 'running') ||
      !inRegion(s, 'health', 'unhealthy') ||
      s.context.definition?.restart_policy == null ||
      s.context.definition.expiry !== null ||
      !automationAllowed(s.context) ||
      inRegion(s, 'restart', 'backoff', 'admission', 'exhausted', 'gated', 'waived'),
  ),
];
