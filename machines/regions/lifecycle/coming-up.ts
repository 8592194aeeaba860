import { intend, noteCommand } from '../../actions.ts';
import { applyChanges } from '../../definition-actions.ts';
import { editsAllowed } from '../../guards.ts';
import { onDeleteSnapshot } from '../../snapshot-actions.ts';
import { placeHold } from './falling-asleep.ts';
import { resetRestart } from './restart-commands.ts';

/** What may be asked of a guest that is booted, restored or let go anyhow: it leaves the guest on its way. */
export const whileComingUp = {
  start: { actions: intend('running') },
  ignore: { actions: intend('ignore') },
  restore: { actions: noteCommand },
  hold: { actions: placeHold },
  delete_snapshot: onDeleteSnapshot,
  reset_restart: resetRestart,
  update: { guard: editsAllowed, actions: applyChanges },
};
