import type { Clock } from './clock.ts';
import { type LogMode, type LogState, SERVING } from './log.ts';

/** Remembers since when a log has been in the mode it is in. */
export interface LogStateKeeper {
  readonly state: () => LogState;
  /** The mode it is in now; one that goes on keeps its beginning. Whoever has lost a log does not get it back. */
  readonly become: (mode: LogMode, message?: string) => void;
}

export function createLogStateKeeper(clock: Pick<Clock, 'now'>): LogStateKeeper {
  let state = SERVING;
  return {
    state: () => state,
    become: (mode, message = '') => {
      if (state.mode === 'not_owner') return;
      if (mode === 'serving') state = SERVING;
      else {
        const since = state.mode === mode ? state.since : clock.now();
        state = { mode, reachable: mode === 'log_full', since, message };
      }
    },
  };
}
