import { clock } from '../measure.ts';

export interface Peer {
  readonly name: string;
  /** What an answered change outlives, with the setting that decides it. */
  readonly durability: string;
  /** With so many keys, each waiting for its change before it makes the next. */
  readonly changesPerSecond: (inFlight: number, ms: number) => Promise<number>;
  readonly close: () => Promise<void>;
}

const WARM_UP_SHARE = 0.25;

/** Drives `inFlight` keys for some time, after a warm-up, and counts. */
export async function drive(inFlight: number, ms: number, change: (key: number) => Promise<unknown>): Promise<number> {
  let count = 0;
  let stop = false;
  const one = async (key: number): Promise<void> => {
    while (!stop) {
      await change(key);
      count += 1;
    }
  };
  const all = Promise.all(Array.from({ length: inFlight }, (_, key) => one(key)));
  await Promise.race([all, clock.sleep(ms * WARM_UP_SHARE)]);
  count = 0;
  const begun = clock.monotonic();
  await Promise.race([all, clock.sleep(ms)]);
  const perSecond = (count * 1_000) / (clock.monotonic() - begun);
  stop = true;
  await all;
  return perSecond;
}
