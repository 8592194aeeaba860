import { type Books, definitionIn, type Edge, factIn, type Law, lifecycleOf } from './laws.ts';

/** Law 5: what has to be so before a guest is put away that nobody asked to be. */

function standbyIsSafe(books: Books, { event, before }: Edge): boolean {
  const timeoutMs = definitionIn(before)?.auto_standby?.idle_timeout_ms ?? Number.POSITIVE_INFINITY;
  return (
    lifecycleOf(before) === 'running' &&
    books.idleSince !== null &&
    event.at - books.idleSince >= timeoutMs &&
    event.at >= books.holdUntil
  );
}

export const LAW_5: readonly Law[] = [
  {
    law: 5,
    rule: 'automatic standby is asked for only from running, idle for the whole timeout, observer in order, no hold',
    holds: ({ told, edge }) => factIn(edge.step, 'standby.requested')?.cause !== 'idle' || standbyIsSafe(told, edge),
  },
  {
    law: 5,
    rule: 'an automatic standby takes its snapshot only after a table without connections, read while paused',
    holds: ({ told, edge }) =>
      !(
        told.automaticStandby &&
        edge.event.type !== 'standby' &&
        edge.step.effects.some((effect) => effect.kind === 'vmm.snapshot' && effect.snapshot.startsWith('run-')) &&
        !told.confirmedPaused
      ),
  },
  {
    law: 5,
    rule: 'an automatic standby ends its VMM only after a table without connections, read once the snapshot was whole',
    holds: ({ told, edge }) =>
      factIn(edge.step, 'instance.kill_requested')?.cause !== 'standby' ||
      !told.automaticStandby ||
      told.confirmedSaved ||
      edge.event.type === 'standby' ||
      ['stopping', 'lost'].includes(lifecycleOf(edge.before)),
  },
  {
    law: 5,
    rule: 'a standby by schedule is asked for only from running, observer in order, no hold',
    holds: ({ told, edge }) =>
      factIn(edge.step, 'standby.requested')?.cause !== 'schedule' ||
      (lifecycleOf(edge.before) === 'running' &&
        edge.before.context.standby.observer === 'ok' &&
        edge.event.at >= told.holdUntil),
  },
  {
    law: 5,
    rule: 'an automatic standby passes its point of no return under no hold',
    holds: ({ told, edge: { before, event, step } }) =>
      factIn(step, 'instance.kill_requested')?.cause !== 'standby' ||
      !told.automaticStandby ||
      event.type === 'standby' ||
      ['stopping', 'lost'].includes(lifecycleOf(before)) ||
      event.at >= told.holdUntil,
  },
];
