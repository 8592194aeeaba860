import type { Room } from './contracts/log.ts';
import type { Letter } from './mailbox.ts';

/** Without these a stop that was accepted on a full disk would wait for its guest for ever. */
const DEADLINES_OF_STOP: ReadonlySet<string> = new Set([
  'timer.stop_deadline',
  'timer.stop_hook_deadline',
  'timer.withdraw_deadline',
  'timer.kill_deadline',
]);

/** What every instance has to know before anything else is decided about it. */
const OWED_TO_ALL: ReadonlySet<string> = new Set(['chart.upgraded', 'host.mode_changed']);

/** Stops, deletes, their deadlines, ends and results may use the room kept free on a full disk. */
export function roomFor({ class: letterClass, event }: Letter): Room {
  if (DEADLINES_OF_STOP.has(event.type) || OWED_TO_ALL.has(event.type)) return 'reserved';
  if (letterClass === 'result' || event.type === 'stop' || event.type === 'delete') return 'reserved';
  return event.type.startsWith('vmm.') || event.type.startsWith('guest.') ? 'reserved' : 'ordinary';
}
