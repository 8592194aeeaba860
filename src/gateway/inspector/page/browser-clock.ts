import { type Signal, signal } from '@preact/signals';

/** The page's only source of time. The daemon's clock counts: its due times are shown, so its `now` is what they are compared with. */

const TICK_MS = 200;
/** What a browser's clock may be off before the daemon's is believed: an HTTP date is exact to a second. */
const OFFSET_NOTICED_MS = 2_000;

let offsetMs = 0;

/** Epoch ms by the daemon's clock. */
export function now(): number {
  return Date.now() + offsetMs;
}

/** The date that came with an answer. */
export function noteDaemonDate(header: string | null): void {
  const at = header === null ? Number.NaN : Date.parse(header);
  if (Number.isNaN(at)) return;
  const off = at + 500 - Date.now();
  offsetMs = Math.abs(off) < OFFSET_NOTICED_MS ? 0 : off;
}

/** What everything that counts down reads. */
export const ticking: Signal<number> = signal(now());
setInterval(() => {
  if (!document.hidden) ticking.value = now();
}, TICK_MS);

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Once before the next picture is shown; in a hidden page, where none is, soon. */
export function beforeNextPicture(act: () => void): void {
  if (document.hidden) setTimeout(act, TICK_MS);
  else requestAnimationFrame(act);
}
