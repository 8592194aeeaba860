import { mkdir, rename, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isCode, isThere } from './snapshots/files.ts';

/**
 * The ticket of a run, `ticket-TOKEN.d/` in its directory: the run may still start. Its supervisor puts `used` into it right
 * before it becomes the VMM; a daemon that gives the run up removes it. A directory with something in it cannot be removed,
 * and nothing can be put into one that is gone, so exactly one of them wins; and neither needs a program for it.
 *
 * A supervisor of an earlier version moves a file `ticket-TOKEN` to `started-TOKEN`, which a daemon would move away. The one
 * of today makes `started-TOKEN` too, so that such a daemon finds its runs.
 */

export type TicketState = 'waiting' | 'used' | 'none';

const ticketIn = (directory: string, token: string): string => join(directory, `ticket-${token}.d`);
const formerTicketIn = (directory: string, token: string): string => join(directory, `ticket-${token}`);
const startedIn = (directory: string, token: string): string => join(directory, `started-${token}`);

export async function makeTicket(directory: string, token: string): Promise<void> {
  await mkdir(ticketIn(directory, token), { mode: 0o700 });
}

export function ticketState(directory: string, token: string): TicketState {
  if (isThere(formerTicketIn(directory, token))) return 'waiting';
  if (isThere(join(ticketIn(directory, token), 'used')) || isThere(startedIn(directory, token))) return 'used';
  return isThere(ticketIn(directory, token)) ? 'waiting' : 'none';
}

/** Sees to it that a ticket is never used. False when it was. */
export async function withdrawTicket(directory: string, token: string): Promise<boolean> {
  try {
    await rename(formerTicketIn(directory, token), join(directory, 'given-up'));
  } catch (error) {
    if (!isCode(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
  try {
    await rmdir(ticketIn(directory, token));
    return true;
  } catch (error) {
    if (isCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    if (isCode(error, 'ENOENT', 'ENOTDIR')) return !isThere(startedIn(directory, token));
    throw error;
  }
}
