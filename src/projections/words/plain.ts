import { formatDuration } from '../../../machines/duration.ts';
import type { HeldReason } from '../../../machines/events.ts';

/** What the tables of words have in common. */

/** A type nobody has written words for reads as it is named. */
export function plainWords(type: string): string {
  return type.replaceAll('.', ' ').replaceAll('_', ' ');
}

export function clockTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

/** Short enough to be read at a glance: tenths of a second matter below a minute and not above. */
export function spanWords(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  return formatDuration(ms < 60_000 ? Math.round(ms / 100) * 100 : Math.round(ms / 1_000) * 1_000);
}

export function codeWords(code: number | null | undefined): string {
  return code === null || code === undefined ? '' : `, code ${code}`;
}

export function messageWords(message: string | null | undefined): string {
  return message === null || message === undefined || message === '' ? '' : ` (${message})`;
}

export function listWords(parts: readonly string[]): string {
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

const HELD: Readonly<Record<HeldReason, string>> = {
  memory: 'too little memory',
  vcpus: 'too few processors',
  disk: 'too little disk',
  spread: 'too many boots under way at once',
  restart_budget: 'the restart budget of the host is used up',
  standby_slots: 'as many are being put away as may be at once',
};

/** Why the host holds something back. */
export function heldWords(reason: HeldReason): string {
  return HELD[reason];
}
