import { setup } from 'xstate';
import type { ChartContext } from './context.ts';
import type { Effect } from './effects.ts';
import type { ExternalEvent } from './events.ts';
import type { Fact } from './facts.ts';
import type { InternalEvent } from './internal-events.ts';
import { definitionOf, gateEnd, nextAttemptDue } from './rules.ts';

export type ChartEvent = ExternalEvent | InternalEvent;

/** What states are marked with; standing work and the doors read these instead of state names. */
export type Tag = 'has_run' | 'at_rest' | 'waits' | 'probed' | 'tracked';

/** How long the chart waits for the result of an operation before it looks at the world itself. */
export const PREPARE_DEADLINE_MS = 60_000;
export const WITHDRAW_DEADLINE_MS = 30_000;
export const KILL_DEADLINE_MS = 30_000;
export const STANDBY_DEADLINE_MS = 120_000;
export const RESUME_DEADLINE_MS = 30_000;
export const CONFIRM_DEADLINE_MS = 10_000;
export const REMOVE_RETRY_MS = 30_000;
/** A program of the host may take so long; past it a stop goes on without it and a standby is abandoned. */
export const STOP_HOOK_DEADLINE_MS = 30_000;
export const STANDBY_HOOK_DEADLINE_MS = 30_000;
/** A whole memory is copied, perhaps by a slow disk. */
export const COPY_DEADLINE_MS = 600_000;
/** The host answers at once; without an answer by then it is asked again. */
export const ADMISSION_DEADLINE_MS = 30_000;
export const INSPECT_RETRY_MIN_MS = 5_000;
export const INSPECT_RETRY_MAX_MS = 300_000;
/** Past 2^16 tries the delay has long been at its maximum. */
const INSPECT_DOUBLINGS_MAX = 16;

/** What a guard or a delay looks at. */
export interface Moment {
  readonly context: ChartContext;
  readonly event: ChartEvent;
}

const until = (due: number, { event }: Moment): number => Math.max(0, due - event.at);

export const chart = setup({
  types: {} as { context: ChartContext; events: ChartEvent; emitted: Fact; tags: Tag },
  actions: {
    /** The one action that reaches the world: the interpreter reads its parameters, nothing runs here. */
    ask: (_moment, _effect: Effect) => {},
  },
  delays: {
    prepare_deadline: PREPARE_DEADLINE_MS,
    boot_deadline: ({ context }) => definitionOf(context).boot_timeout_ms,
    withdraw_deadline: WITHDRAW_DEADLINE_MS,
    stop_deadline: ({ context }) => definitionOf(context).stop_timeout_ms,
    kill_deadline: KILL_DEADLINE_MS,
    pause_deadline: STANDBY_DEADLINE_MS,
    snapshot_deadline: STANDBY_DEADLINE_MS,
    resume_deadline: RESUME_DEADLINE_MS,
    restore_deadline: ({ context }) => definitionOf(context).boot_timeout_ms,
    remove_retry: REMOVE_RETRY_MS,
    inspect_retry: ({ context }) =>
      Math.min(
        INSPECT_RETRY_MIN_MS * 2 ** Math.min(context.trouble?.tries ?? 0, INSPECT_DOUBLINGS_MAX),
        INSPECT_RETRY_MAX_MS,
      ),
    backoff: (moment) => until(nextAttemptDue(moment.context, moment.event.at), moment),
    stability_period: (moment) => until(gateEnd(moment.context), moment),
    stable: ({ context }) => context.definition?.restart_policy?.stable_after_ms ?? 0,
    idle: (moment) => until(idleDue(moment.context, moment.event.at), moment),
    stop_hook_deadline: STOP_HOOK_DEADLINE_MS,
    standby_hook_deadline: STANDBY_HOOK_DEADLINE_MS,
    admission_deadline: ADMISSION_DEADLINE_MS,
    admission_retry: (moment) => until(moment.context.admission?.retry_at ?? 0, moment),
    confirm_deadline: CONFIRM_DEADLINE_MS,
    seal_deadline: CONFIRM_DEADLINE_MS,
    slot_deadline: ADMISSION_DEADLINE_MS,
    slot_retry: (moment) => until(moment.context.standby.slot?.retry_at ?? 0, moment),
    wake_deadline: ADMISSION_DEADLINE_MS,
    wake_retry: (moment) => until(moment.context.admission?.retry_at ?? 0, moment),
    capture_deadline: STANDBY_DEADLINE_MS,
    copy_deadline: COPY_DEADLINE_MS,
    revert_deadline: COPY_DEADLINE_MS,
    fork_deadline: COPY_DEADLINE_MS,
    max_asleep: (moment) => until(asleepUntil(moment.context) ?? 0, moment),
    expiry: (moment) => until(moment.context.definition?.expiry?.expires_at ?? 0, moment),
  },
});

/** When nobody will have woken it for as long as its policy lets it sleep; null when that is for ever. */
export function asleepUntil({ definition, standby }: ChartContext): number | null {
  const limit = definition?.auto_standby?.max_asleep;
  return limit === undefined || standby.asleep_since === null ? null : standby.asleep_since + limit.after_ms;
}

/** When an idle instance may sleep: after the whole idle timeout, and not before a hold ends. */
export function idleDue(context: ChartContext, at: number): number {
  const timeoutMs = context.definition?.auto_standby?.idle_timeout_ms ?? 0;
  return Math.max((context.standby.idle_since ?? at) + timeoutMs, context.standby.hold_until ?? 0);
}
