import type { Definition } from './definition.ts';
import type { RunEnd, Wanted } from './events.ts';

/**
 * The chart's memory, in small groups (more than 19 top-level keys would make every assign slow). Plain JSON: what
 * stands here stands in every record, except `definition`, which records name by version.
 */
export interface ChartContext {
  /** Null only before `create`. */
  readonly definition: Definition | null;
  readonly created_at: number;
  readonly intent: { readonly wanted: Wanted; readonly by: string; readonly at: number };
  readonly run: RunContext;
  /** Why the present run is being ended, and what follows; null when nobody asked for its end. */
  readonly stop: StopContext | null;
  readonly snapshot: { readonly name: string; readonly run: number; readonly taken_at: number } | null;
  readonly restart: RestartContext;
  readonly health: HealthContext;
  readonly standby: StandbyContext;
  /** What went wrong last with the world itself: shown as `state_error`. */
  readonly trouble: { readonly message: string; readonly tries: number } | null;
}

export interface RunContext {
  /** 0 before the first run. */
  readonly number: number;
  /** What asked for it: `start`, `restart`, `restart_policy`, `health`, `restore`, ... */
  readonly cause: string;
  readonly started_at: number | null;
  readonly booted_at: number | null;
  readonly ready_at: number | null;
  readonly pid: number | null;
  readonly ended: boolean;
  readonly planned: boolean;
  readonly exit: RunEnd | null;
}

export type StopCause = 'operator' | 'restart' | 'delete' | 'health' | 'expiry' | 'standby' | 'boot_timeout';

export interface StopContext {
  readonly cause: StopCause;
  readonly next: 'rest' | 'boot' | 'delete' | 'standby';
  readonly force: boolean;
}

export interface RestartContext {
  readonly attempts: number;
  readonly last_attempt_at: number | null;
  readonly next_attempt_at: number | null;
  readonly blocked_reason: 'manual_stop' | 'max_attempts_exceeded' | null;
  readonly last_reason: 'health_check_failed' | null;
}

export interface HealthContext {
  /** Counts changes of the check; with the run it names the window of every probe result. */
  readonly revision: number;
  readonly window_started_at: number | null;
  /** Both saturate at their thresholds. */
  readonly successes: number;
  readonly failures: number;
  readonly last_error: string | null;
}

export interface StandbyContext {
  readonly observer: 'ok' | 'lost';
  readonly idle_since: number | null;
  readonly hold_until: number | null;
  readonly last_activity_at: number | null;
}

export const NO_RUN: RunContext = {
  number: 0,
  cause: '',
  started_at: null,
  booted_at: null,
  ready_at: null,
  pid: null,
  ended: true,
  planned: true,
  exit: null,
};

export const NO_RESTARTS: RestartContext = {
  attempts: 0,
  last_attempt_at: null,
  next_attempt_at: null,
  blocked_reason: null,
  last_reason: null,
};

export const INITIAL_CONTEXT: ChartContext = {
  definition: null,
  created_at: 0,
  intent: { wanted: 'stopped', by: '', at: 0 },
  run: NO_RUN,
  stop: null,
  snapshot: null,
  restart: NO_RESTARTS,
  health: { revision: 0, window_started_at: null, successes: 0, failures: 0, last_error: null },
  standby: { observer: 'ok', idle_since: null, hold_until: null, last_activity_at: null },
  trouble: null,
};
