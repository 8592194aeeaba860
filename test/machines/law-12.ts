import { stateOf } from '../../machines/public-states.ts';
import { type Edge, factIn, type Law, lifecycleOf } from './laws.ts';

/** Law 12: what was begun to put a guest to sleep, or by schedule, is told to its end, and ends with what had asked for it. */

const ON_THE_WAY: readonly string[] = ['quiescing', 'pausing', 'snapshotting', 'sealing'];

const tells = ({ facts }: Edge['step'], ...types: string[]): boolean => facts.some(({ type }) => types.includes(type));

const skips = ({ facts }: Edge['step'], schedule: 'standby' | 'wake'): boolean =>
  facts.some((fact) => fact.type === 'schedule.skipped' && fact.schedule === schedule);

export const LAW_12: readonly Law[] = [
  {
    law: 12,
    rule: 'a standby that leaves its way is told to have been given up, unless its guest is being ended or has ended',
    holds: ({ edge: { before, step } }) =>
      !ON_THE_WAY.includes(lifecycleOf(before)) ||
      ON_THE_WAY.includes(lifecycleOf(step.next)) ||
      tells(step, 'standby.abandoned', 'instance.stop_requested', 'instance.kill_requested') ||
      tells(step, 'instance.ended', 'instance.quarantined'),
  },
  {
    law: 12,
    rule: 'the minute of a schedule ends in sleep, in an operator having taken over, or in being told as skipped',
    holds: ({ edge: { before, step } }) => {
      const { standby, stop } = before.context;
      const next = step.next.context.standby;
      const isPending = standby.request === 'schedule' && standby.asleep_since === null && stop?.cause !== 'standby';
      const isOver = next.request === 'schedule' && next.asleep_since === null;
      const slept = next.asleep_since !== null || step.next.context.stop?.cause === 'standby';
      return !isPending || isOver || slept || next.request === 'operator' || skips(step, 'standby');
    },
  },
  {
    law: 12,
    rule: 'no minute is told as skipped twice',
    holds: ({ edge: { step } }) => step.facts.filter(({ type }) => type === 'schedule.skipped').length < 2,
  },
  {
    law: 12,
    rule: 'in running something is on its way to standby exactly while its guest waits for its turn or its table is read',
    holds: ({ edge: { step } }) =>
      lifecycleOf(step.next) !== 'running' ||
      (step.next.context.standby.request !== null) ===
        ['queued', 'confirming'].includes(stateOf(step.next.value, 'standby')),
  },
  {
    law: 12,
    rule: 'whoever is woken, or put to sleep, by schedule is so by one that is still there',
    holds: ({ edge: { event, step } }) => {
      const { schedules } = step.next.context.definition ?? {};
      const wakes = event.type === 'host.granted' && factIn(step, 'instance.restore_requested') !== undefined;
      const sleeps = factIn(step, 'standby.requested')?.cause === 'schedule';
      return !(wakes && schedules?.wake === undefined) && !(sleeps && schedules?.standby === undefined);
    },
  },
];
