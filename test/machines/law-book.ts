import { stateOf } from '../../machines/public-states.ts';
import type { Step } from '../../machines/step.ts';
import { LAW_5 } from './law-5.ts';
import { LAW_10 } from './law-10.ts';
import { LAW_11 } from './law-11.ts';
import { LAW_12 } from './law-12.ts';
import { type Books, definitionIn, type Edge, factIn, isAutomatic, isTurn, type Law, lifecycleOf } from './laws.ts';
import { REGION_LINKS } from './region-links.ts';

/** The laws of design §4b, one checker each, over single steps of a trace and the witness's books. */

const spawns = ({ effects }: Step): boolean =>
  effects.some(({ kind }) => kind === 'vmm.boot' || kind === 'vmm.restore');
const openSpawn = (books: Books): boolean =>
  books.asked.some(({ kind, run }) => (kind === 'vmm.boot' || kind === 'vmm.restore') && run === books.run);

/** Effects on what an instance without a living run keeps. */
const OF_SLEEPERS: ReadonlySet<string> = new Set(['snapshot.copy', 'snapshot.fork']);

/** Does the event speak of a run, or of a window of checking, other than the present one? */
export function isStale({ before, event }: Edge): boolean {
  const { run, health } = before.context;
  if ('window' in event) return event.window.run !== run.number || event.window.revision !== health.revision;
  if (!('run' in event)) return false;
  if ('kind' in event && event.kind.startsWith('instance.')) return false;
  if (event.type === 'vmm.found' && event.run === 0) return false;
  const ofEndedRun = event.type === 'vmm.found' || event.type === 'host.granted' || event.type === 'host.held';
  return event.run !== run.number || (run.ended && !ofEndedRun && !OF_SLEEPERS.has('kind' in event ? event.kind : ''));
}

const LAW_1: readonly Law[] = [
  {
    law: 1,
    rule: 'after an accepted stop or delete no boot or restore is asked for',
    holds: ({ told, edge }) => !(told.stopOrdered && spawns(edge.step)),
  },
  {
    law: 1,
    rule: 'an accepted stop or delete withdraws a boot or restore that is under way',
    holds: ({ books, edge }) =>
      !(
        (edge.event.type === 'stop' || edge.event.type === 'delete') &&
        edge.step.accepted &&
        openSpawn(books) &&
        !books.endTold &&
        ['booting', 'restoring'].includes(lifecycleOf(edge.before)) &&
        edge.before.context.run.booted_at === null &&
        !edge.step.effects.some(({ kind }) => kind === 'effect.withdraw')
      ),
  },
  {
    law: 1,
    rule: 'after an accepted stop or delete the instance does not run on',
    holds: ({ told, edge }) => !(told.stopOrdered && lifecycleOf(edge.step.next) === 'running'),
  },
  {
    law: 1,
    rule: 'an accepted delete is never taken back',
    holds: ({ books, edge }) => !(books.deleteOrdered && spawns(edge.step)),
  },
];

const LAW_2: readonly Law[] = [
  {
    law: 2,
    rule: 'a run is asked for only after the end of the previous one was told',
    holds: ({ told, after }) => after.run === told.run || told.endTold,
  },
  {
    law: 2,
    rule: 'a run is asked for again only when it was found not to exist',
    holds: ({ told, after, edge }) => {
      const again = spawns(edge.step) && after.run === told.run;
      return !again || (edge.event.type === 'vmm.found' && edge.event.found.reality === 'none');
    },
  },
  {
    law: 2,
    rule: 'an event of another run or window changes nothing',
    holds: ({ edge }) => !(isStale(edge) && edge.step.accepted),
  },
  {
    law: 2,
    rule: 'the word of a program that another one has followed changes nothing',
    holds: ({ books, edge: { event, step } }) =>
      !('kind' in event && event.kind === 'hook.run' && event.number !== books.hook && step.accepted),
  },
  {
    law: 2,
    rule: 'each program of the host has a number that none before it had',
    holds: ({ told, edge }) =>
      edge.step.effects.every((effect) => effect.kind !== 'hook.run' || effect.number > told.hook),
  },
];

const LAW_3: readonly Law[] = [
  {
    law: 3,
    rule: 'no more automatic starts in one window than max_attempts',
    holds: ({ after, edge }) => {
      const max = definitionIn(edge.step.next)?.restart_policy?.max_attempts ?? 0;
      return max === 0 || after.automaticStarts <= max;
    },
  },
  {
    law: 3,
    rule: 'every automatic start was counted as an attempt before',
    holds: ({ told, edge }) => {
      const boot = factIn(edge.step, 'instance.boot_requested');
      if (boot === undefined || !isAutomatic(boot.cause)) return true;
      return told.attemptOpen || factIn(edge.step, 'restart.attempted') !== undefined;
    },
  },
  {
    law: 3,
    rule: 'coming back after a host reboot is not an attempt',
    holds: ({ books, after, edge }) => {
      const ended = factIn(edge.step, 'instance.ended') === undefined ? books : after;
      return !ended.rebooted || !ended.endTold || factIn(edge.step, 'restart.attempted') === undefined;
    },
  },
  {
    law: 3,
    rule: 'the window closes only after stable_after of running and not unhealthy',
    holds: ({ edge }) => {
      const armed = edge.step.armed.find(({ name }) => name === 'timer.stable');
      const stableMs = definitionIn(edge.step.next)?.restart_policy?.stable_after_ms ?? 0;
      if (armed !== undefined && armed.due - edge.event.at !== stableMs) return false;
      if (edge.event.type !== 'timer.stable') return true;
      return lifecycleOf(edge.before) === 'running' && stateOf(edge.before.value, 'health') !== 'unhealthy';
    },
  },
];

const LAW_4: readonly Law[] = [
  {
    law: 4,
    rule: 'without a policy nothing is restarted automatically',
    holds: ({ edge }) => {
      if (definitionIn(edge.step.next)?.restart_policy !== null) return true;
      const cause = factIn(edge.step, 'instance.boot_requested')?.cause;
      const automatic = cause === 'restart_policy' || cause === 'host_reboot';
      return !automatic && factIn(edge.step, 'restart.attempted') === undefined;
    },
  },
  {
    law: 4,
    rule: 'under on_failure a guest that ended by itself with 0 is not restarted',
    holds: ({ after, edge }) => {
      if (definitionIn(edge.step.next)?.restart_policy?.policy !== 'on_failure') return true;
      if (definitionIn(edge.step.next)?.restart_policy?.exit_codes?.restart?.includes(0)) return true;
      return !(after.cleanEnd && factIn(edge.step, 'instance.boot_requested')?.cause === 'restart_policy');
    },
  },
  {
    law: 4,
    rule: 'an end with a code that is never to be restarted is not',
    holds: ({ told, edge }) => {
      const never = definitionIn(edge.step.next)?.restart_policy?.exit_codes?.never ?? [];
      const restarted = factIn(edge.step, 'instance.boot_requested')?.cause === 'restart_policy';
      return !(restarted && told.endCode !== null && never.includes(told.endCode));
    },
  },
];

const LAW_6: readonly Law[] = [
  {
    law: 6,
    rule: 'healthy and unhealthy show only in running',
    holds: ({ edge }) =>
      !['healthy', 'unhealthy'].includes(stateOf(edge.step.next.value, 'health')) ||
      lifecycleOf(edge.step.next) === 'running',
  },
  {
    law: 6,
    rule: 'nothing becomes unhealthy in the start period',
    holds: ({ told, edge }) => {
      const periodMs = definitionIn(edge.before)?.health_check?.start_period_ms ?? 0;
      return factIn(edge.step, 'health.changed')?.to !== 'unhealthy' || edge.event.at - told.windowAt >= periodMs;
    },
  },
];

const LAW_7: readonly Law[] = [
  {
    law: 7,
    rule: 'whatever the chart accepts is recorded',
    holds: ({ edge }) => {
      if (!('by' in edge.event)) return true;
      return !edge.before.can(edge.event as never) || edge.step.accepted;
    },
  },
  {
    law: 7,
    rule: 'what is not recorded changes nothing',
    holds: ({ edge }) => {
      const { step } = edge;
      return step.accepted || (step.next === edge.before && step.facts.length + step.effects.length === 0);
    },
  },
];

const LAW_8: readonly Law[] = [
  {
    law: 8,
    rule: 'every state that waits has a deadline',
    holds: ({ edge, pending }) =>
      !edge.step.next.hasTag('waits') || [...pending.keys()].some((name) => /deadline$|retry$/.test(name)),
  },
];

/** Nothing that nobody asked for begins now. A restart of an unhealthy guest that has begun already is seen through. */
function beginsByItself({ step }: Edge, { healthStop, handsOff }: Books): boolean {
  const stop = factIn(step, 'instance.stop_requested')?.cause;
  const boot = factIn(step, 'instance.boot_requested')?.cause;
  const ended = stop === 'health' || stop === 'expiry' || (stop === 'boot_timeout' && handsOff);
  const booted =
    boot === 'restart_policy' || boot === 'host_reboot' || (boot === 'health' && (handsOff || !healthStop));
  return (
    ended ||
    booted ||
    step.effects.some(({ kind }) => kind === 'host.admit') ||
    factIn(step, 'restart.attempted') !== undefined ||
    factIn(step, 'restart.scheduled') !== undefined ||
    factIn(step, 'standby.requested')?.cause === 'idle' ||
    factIn(step, 'standby.requested')?.cause === 'schedule' ||
    factIn(step, 'standby.asleep_too_long') !== undefined ||
    factIn(step, 'expiry.due') !== undefined
  );
}

const LAW_9: readonly Law[] = [
  {
    law: 9,
    rule: 'nothing automatic begins on a host in maintenance or being drained, nor while hands are off',
    holds: ({ told, edge }) => (told.mode === 'normal' && !told.handsOff) || !beginsByItself(edge, told),
  },
  {
    law: 9,
    rule: 'an automatic start was granted by the host, for this run and this purpose',
    holds: ({ books, edge: { event, step } }) => {
      const cause = factIn(step, 'restart.attempted') ?? factIn(step, 'instance.boot_requested');
      const automatic = cause?.type === 'restart.attempted' || cause?.cause === 'host_reboot';
      if (event.type !== 'host.granted') return !automatic;
      if (!step.accepted) return true;
      const open = books[isTurn(event.purpose) ? 'turn' : 'admission'];
      return open?.run === event.run && open.purpose === event.purpose;
    },
  },
];

export const LAWS: readonly Law[] = [
  ...LAW_1,
  ...LAW_2,
  ...LAW_3,
  ...LAW_4,
  ...LAW_5,
  ...LAW_6,
  ...LAW_7,
  ...LAW_8,
  ...LAW_9,
  ...LAW_10,
  ...LAW_11,
  ...LAW_12,
  ...REGION_LINKS,
];
