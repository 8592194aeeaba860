import { parseQmpEvent } from './qmp.ts';

/** What the events kept beside a run say about it, however long nobody watched. */
export interface RunJournal {
  /** Reason of the last SHUTDOWN event, for example `guest-shutdown`; null when there was none. */
  readonly shutdownReason: string | null;
  /** Epoch ms of that event. */
  readonly shutdownAt: number | null;
  /** Epoch ms of each reset of the machine, in order. */
  readonly resets: readonly number[];
}

/**
 * One guest reboot resets the machine up to three times within this time (the firmware resets it again), and no
 * guest boots in less.
 */
export const REBOOT_DEBOUNCE_MS = 1_000;

/**
 * Whether a reset begins a new reboot, given the time of the reset before it. A clock that was stepped in between
 * makes it look far away in either direction, which is taken for a new one.
 */
export function isNewReboot(at: number, previousResetAt: number | null): boolean {
  return previousResetAt === null || Math.abs(at - previousResetAt) > REBOOT_DEBOUNCE_MS;
}

/** Times of the reboots among the resets after the one at `seenUntil`; of all of them when that is not there. */
export function rebootsAfter(resets: readonly number[], seenUntil: number | null): number[] {
  const seen = seenUntil === null ? -1 : resets.lastIndexOf(seenUntil);
  const before = (index: number): number | null => (index === 0 ? seenUntil : (resets[index - 1] ?? null));
  return resets.filter((at, index) => index > seen && isNewReboot(at, before(index)));
}

/** Reads the text of the event log, older part first. Lines cut by the rotation of the log are passed over. */
export function readJournal(text: string): RunJournal {
  const events = text.split('\n').flatMap((line) => parseQmpEvent(line) ?? []);
  const shutdown = events.findLast((event) => event.name === 'SHUTDOWN');
  const reason = shutdown?.data.reason;
  return {
    shutdownReason: typeof reason === 'string' ? reason : null,
    shutdownAt: shutdown?.at ?? null,
    resets: events.filter((event) => event.name === 'RESET').map((event) => event.at),
  };
}
