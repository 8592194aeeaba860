import type { AwakeCause } from '../../../machines/wakefulness.ts';

/** What keeps an instance awake, as a sentence goes on after "awake:". */
export const AWAKE_WORDS: Readonly<Record<AwakeCause, string>> = {
  no_policy: 'no auto-standby policy is enabled',
  ineligible: 'it has no network, or its guest is not ready',
  observer_blind: 'its connections cannot be observed',
  held_back: 'automation is held back',
  connection: 'a connection is open, or nothing has said yet that none is',
  countdown: 'its idle timeout has not passed',
  hold: 'it is held awake',
  queued: 'it waits for a standby slot of the host',
  under_way: 'it is being started, put to sleep, woken or stopped',
};
