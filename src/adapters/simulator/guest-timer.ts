import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';

/** Something a guest will do after so much of its own time, which stands still while it is paused. */
export interface GuestTimer {
  /** Stops the guest's time. */
  freeze(): void;
  /** Lets it go on from where it stood. */
  thaw(): void;
  cancel(): void;
}

/** Starts a guest timer; frozen from the beginning when the guest is paused. */
export function startGuestTimer(clock: Clock, delayMs: number, frozen: boolean, fire: () => void): GuestTimer {
  let remainingMs = delayMs;
  let armedAt = 0;
  let cancel: CancelTimer | null = null;
  const thaw = (): void => {
    if (cancel !== null) return;
    armedAt = clock.monotonic();
    cancel = clock.after(remainingMs, fire);
  };
  if (!frozen) thaw();
  return {
    freeze() {
      if (cancel === null) return;
      cancel();
      cancel = null;
      remainingMs = Math.max(0, remainingMs - (clock.monotonic() - armedAt));
    },
    thaw,
    cancel() {
      cancel?.();
      cancel = null;
    },
  };
}
