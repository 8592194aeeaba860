import { askedTwice } from './effects-in-air.ts';
import { factIn, type Law, lifecycleOf } from './laws.ts';
import { isCopied } from './memory-books.ts';

/**
 * Law 11: the memory of a guest that sleeps is lost to nobody who has not said so, falling asleep is told
 * once, and nothing is asked of the world twice.
 */

export const LAW_11: readonly Law[] = [
  {
    law: 11,
    rule: 'the memory of a guest that does not run is given up, or booted without, only when somebody or its policy has said so',
    holds: ({ told, edge }) => {
      const { before, step } = edge;
      const { snapshot } = before.context;
      const isGone = snapshot !== null && step.next.context.snapshot?.name !== snapshot.name;
      const isBooted = factIn(step, 'instance.boot_requested') !== undefined;
      return !(isGone || isBooted) || told.memory.is !== 'good' || told.memory.waived || isCopied(edge);
    },
  },
  {
    law: 11,
    rule: 'falling asleep is told once',
    holds: ({ told, edge: { step } }) => factIn(step, 'standby.entered') === undefined || !told.memory.told,
  },
  {
    law: 11,
    rule: 'whoever could not be woken shows what was shown before, and why',
    holds: ({ edge: { step } }) => {
      if (factIn(step, 'instance.restore_failed') === undefined) return true;
      return (
        ['restoring', 'standby'].includes(lifecycleOf(step.next)) &&
        (lifecycleOf(step.next) === 'restoring' || step.next.context.trouble !== null)
      );
    },
  },
  {
    law: 11,
    rule: 'nothing is asked of a run again before the first was answered, withdrawn, or gone with the daemon',
    holds: ({ told, edge: { step } }) => askedTwice(told.inAir, step) === null,
  },
];
