import { parseQmpEvent, type QmpEvent } from './qmp.ts';

/** What the events kept beside a run say about it, however long nobody watched. */
export interface RunJournal {
  /** Reason of the last SHUTDOWN event, for example `guest-shutdown`; null when there was none. */
  readonly shutdownReason: string | null;
  /** Epoch ms of that event. */
  readonly shutdownAt: number | null;
  /** Epoch ms of each guest reboot, in order; the resets of one reboot are counted once. */
  readonly reboots: readonly number[];
}

/**
 * One guest reboot resets the machine up to three times within this time (the firmware resets it again), and no
 * guest boots in less.
 */
export const REBOOT_DEBOUNCE_MS = 1_000;

/** Whether a reset belongs to a reboot that is new, given the time of the reset before it. */
export function isNewReboot(at: number, previousResetAt: number | null): boolean {
  return previousResetAt === null || at - previousResetAt > REBOOT_DEBOUNCE_MS;
}

function rebootTimes(resets: readonly QmpEvent[]): number[] {
  return resets.filter((event, index) => isNewReboot(event.at, resets[index - 1]?.at ?? null)).map((event) => event.at);
}

/** Reads the text of the event log, older part first. Lines cut by the rotation of the log are passed over. */
export function readJournal(text: string): RunJournal {
  const events = text.split('\n').flatMap((line) => parseQmpEvent(line) ?? []);
  const shutdown = events.findLast((event) => event.name === 'SHUTDOWN');
  const reason = shutdown?.data.reason;
  return {
    shutdownReason: typeof reason === 'string' ? reason : null,
    shutdownAt: shutdown?.at ?? null,
    reboots: rebootTimes(events.filter((event) => event.name === 'RESET')),
  };
}
