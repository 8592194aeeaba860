import { noteTrouble } from '../../actions.ts';
import { chart } from '../../setup.ts';

/** A rule threw on this instance: show it, leave its VM alone, and stop everything automatic about it. */
export const chartActionsOfQuarantine = [
  noteTrouble,
  chart.emit(({ context }) => ({ type: 'instance.quarantined' as const, message: context.trouble?.message ?? '' })),
  chart.raise(({ event }) => ({ type: 'run.leaving' as const, at: event.at })),
];
