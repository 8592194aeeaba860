import { stateOf } from '../../machines/public-states.ts';
import { definitionIn, factIn, isTurn, type Law, lifecycleOf } from './laws.ts';

/** Law 10: what people may do about automatic restarts without touching the instance, and what holds a restart back. */

export const LAW_10: readonly Law[] = [
  {
    law: 10,
    rule: 'what was cancelled does not come back by itself',
    holds: ({ told, edge: { step } }) => {
      const owed = factIn(step, 'restart.scheduled') ?? factIn(step, 'restart.gated');
      const asks = step.effects.some((effect) => effect.kind === 'host.admit' && !isTurn(effect.purpose));
      const news = factIn(step, 'instance.ended') ?? factIn(step, 'health.changed');
      const follows = owed !== undefined || asks || factIn(step, 'restart.attempted') !== undefined;
      return !told.waived || news !== undefined || !follows;
    },
  },
  {
    law: 10,
    rule: 'no restart for health begins within the stability period after the last automatic restart',
    holds: ({ told, edge: { event, step } }) => {
      const period = definitionIn(step.next)?.restart_policy?.stability_period_ms;
      const begins =
        factIn(step, 'restart.attempted')?.cause === 'health' ||
        step.effects.some((effect) => effect.kind === 'host.admit' && effect.purpose === 'health');
      return !begins || period === undefined || told.restartedAt === null || event.at - told.restartedAt >= period;
    },
  },
  {
    law: 10,
    rule: 'cancelling a restart and opening a new window start nothing at rest and change nothing that is wanted',
    holds: ({ edge: { before, event, step } }) => {
      if (event.type !== 'cancel_restart' && event.type !== 'reset_restart') return true;
      const started = !before.hasTag('at_rest') || step.effects.length === 0;
      return started && before.context.intent.wanted === step.next.context.intent.wanted;
    },
  },
  {
    law: 10,
    rule: 'an unhealthy guest that runs is done without only as long as nothing new has happened',
    holds: ({ after, edge: { step } }) =>
      after.waived ||
      lifecycleOf(step.next) !== 'running' ||
      stateOf(step.next.value, 'restart') !== 'waived' ||
      stateOf(step.next.value, 'health') !== 'unhealthy',
  },
  {
    law: 10,
    rule: 'only a person does without a restart',
    holds: ({ edge: { before, event, step } }) =>
      stateOf(step.next.value, 'restart') !== 'waived' ||
      stateOf(before.value, 'restart') === 'waived' ||
      'by' in event,
  },
];
