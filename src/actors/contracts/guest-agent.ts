import type { RunRef } from './hypervisor.ts';

/** A program in the guest, with its arguments. */
export interface GuestCommand {
  readonly command: readonly string[];
  readonly working_dir?: string | undefined;
  /** Within this time the answer is given; as long after it was begun, the program is ended in the guest. */
  readonly timeout_ms: number;
}

/**
 * `late`: the agent has begun the program, which has not ended in time. `unavailable`: it is not known whether the
 * program was begun at all; `reason` is a sentence that is safe to show.
 */
export type GuestAnswer =
  | { readonly answer: 'ended'; readonly code: number }
  | { readonly answer: 'late' }
  | { readonly answer: 'unavailable'; readonly reason: string };

/**
 * Whoever runs programs inside guests. Whether the agent of a guest is there is asked at each call, and nothing is
 * sent to one that is not: it would be run whenever it comes. Settles by `timeout_ms`, and soon after `signal` fires.
 */
export interface GuestAgents {
  exec(guest: RunRef, command: GuestCommand, signal: AbortSignal): Promise<GuestAnswer>;
}
