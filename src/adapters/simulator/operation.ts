import type { Clock } from '../../actors/contracts/clock.ts';
import {
  AGENT_UNANSWERED,
  type EffectControl,
  type Outcome,
  type RunEnd,
  type RunRef,
} from '../../actors/contracts/hypervisor.ts';
import type { ActRequest, Fault, Manner, Operation, WorldAnswer } from './wire.ts';
import { type WorldPort, WorldUnreachable } from './world-port.ts';

/** How long each operation may take in all before it is given up, in ms. */
export const TIME_LIMITS_MS: Readonly<Record<Operation, number>> = {
  boot: 30_000,
  restore: 30_000,
  pause: 10_000,
  resume: 10_000,
  snapshot: 60_000,
  shutdown: 10_000,
  kill: 10_000,
  inspect: 5_000,
  set_clock: 10_000,
  copy_snapshot: 60_000,
  fork_snapshot: 60_000,
};
/** How long an operation that was withdrawn after it had been asked for may still take to answer, in ms. */
const WITHDRAWAL_GRACE_MS = 100;

type Waited<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'timed_out' }
  | { readonly kind: 'lost'; readonly sent: boolean; readonly message: string };

/** Waits for a promise at most until the limit or the signal, whichever comes first. Never rejects for a lost world. */
export function within<T>(
  clock: Clock,
  promise: Promise<T>,
  limitMs: number,
  signal?: AbortSignal,
): Promise<Waited<T>> {
  return new Promise((resolve, reject) => {
    const finish = (result: Waited<T>): void => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const onAbort = (): void => finish({ kind: 'aborted' });
    const cancel = clock.after(limitMs, () => finish({ kind: 'timed_out' }));
    signal?.addEventListener('abort', onAbort, { once: true });
    promise.then(
      (value) => finish({ kind: 'answer', value }),
      (error: unknown) => {
        if (error instanceof WorldUnreachable) finish({ kind: 'lost', sent: error.sent, message: error.message });
        else {
          cancel();
          reject(error);
        }
      },
    );
    if (signal?.aborted) onAbort();
  });
}

/** What an operation came to: with the pid of a VMM that it started, with the drift of a clock that it set. */
export type PidOutcome = Outcome<{ readonly pid: number | null; readonly drift_ms: number | null }>;

const failed = (code: string, message: string, ended?: RunEnd): PidOutcome => ({
  outcome: 'failed',
  error: { code, message },
  ...(ended === undefined ? {} : { ended }),
});
const unknown = (code: string, message: string): PidOutcome => ({ outcome: 'unknown', error: { code, message } });
const WITHDRAWN: PidOutcome = { outcome: 'withdrawn' };

export interface OperationCall {
  readonly clock: Clock;
  readonly port: WorldPort;
  readonly operation: Exclude<Operation, 'inspect'>;
  readonly ref: RunRef;
  readonly control: EffectControl;
  /** The request that does it. */
  readonly request: (manner: Manner) => ActRequest;
}

/**
 * Runs one operation: takes the once-only token (boot, restore) and asks which fault strikes; waits or fails as that
 * says; asks `stillWanted`; and in the same tick hands the irreversible request to the world. With a world in another
 * process "asked" means written to its socket: from then on only the world knows, and a withdrawal that finds it
 * unanswered is `unknown`.
 */
export async function perform(call: OperationCall): Promise<PidOutcome> {
  const { clock, port, operation, ref, control } = call;
  const deadline = clock.monotonic() + TIME_LIMITS_MS[operation];
  const wanted = (): boolean => !control.signal.aborted && control.stillWanted();
  if (!wanted()) return WITHDRAWN;
  const preparing = port.call({
    op: 'prepare',
    operation,
    instance: ref.instance,
    run: ref.run,
    effect: control.effect,
  });
  const prepared = await within(clock, preparing, TIME_LIMITS_MS[operation], control.signal);
  const refusal = beforeActing(call, prepared);
  if (refusal !== null) return giveBack(call, refusal);
  const fault = prepared.kind === 'answer' && prepared.value.answer === 'prepared' ? prepared.value.fault : 'ok';
  const stopped = await strike(call, fault, deadline);
  if (stopped !== null) return giveBack(call, stopped);
  if (!wanted()) return giveBack(call, WITHDRAWN);
  const manner = fault === 'lie' || fault === 'crash' || fault === 'hang_after' ? fault : 'plain';
  const acting = port.call(call.request(manner), true);
  return afterActing(call, acting, Math.max(0, deadline - clock.monotonic()));
}

/** Why the operation goes no further than its preparation; null when it goes on. */
function beforeActing(call: OperationCall, prepared: Waited<WorldAnswer>): PidOutcome | null {
  if (prepared.kind === 'aborted') return WITHDRAWN;
  if (prepared.kind === 'timed_out')
    return failed('timed_out', `the simulated ${call.operation} did not begin in time`);
  if (prepared.kind === 'lost') return failed('hypervisor_unreachable', prepared.message);
  if (prepared.value.answer === 'prepared' && prepared.value.taken) {
    return unknown('run_taken', `run ${call.ref.run} of this instance was started before`);
  }
  return null;
}

/** Lets a fault that strikes before the act do its work. Null when the act is to follow. */
async function strike(call: OperationCall, fault: Fault, deadline: number): Promise<PidOutcome | null> {
  const { clock, operation, control } = call;
  const leftMs = Math.max(0, deadline - clock.monotonic());
  if (fault === 'no_room') return failed('disk_full', 'there is no room on the simulated disk');
  if (fault === 'fail')
    return failed(
      operation === 'set_clock' ? AGENT_UNANSWERED : `${operation}_failed`,
      `the simulated ${operation} failed, as it was told to`,
    );
  const delayMs = fault === 'hang' ? Number.POSITIVE_INFINITY : typeof fault === 'object' ? fault.slow : 0;
  if (delayMs === 0) return null;
  const woke = await clock.sleep(Math.min(delayMs, leftMs), control.signal);
  if (!woke) return WITHDRAWN;
  return delayMs > leftMs ? failed('timed_out', `the simulated ${operation} took too long`) : null;
}

/** Tells the world that a starting run will not come to be, without waiting for it. */
function giveBack(call: OperationCall, outcome: PidOutcome): PidOutcome {
  const { operation, port, ref } = call;
  const holdsToken = (operation === 'boot' || operation === 'restore') && outcome.outcome !== 'unknown';
  if (holdsToken) {
    const ignore = (): void => {};
    port.call({ op: 'release', instance: ref.instance, run: ref.run }).then(ignore, ignore);
  }
  return outcome;
}

async function afterActing(call: OperationCall, acting: Promise<WorldAnswer>, limitMs: number): Promise<PidOutcome> {
  const { clock, operation, control } = call;
  let result = await within(clock, acting, limitMs, control.signal);
  if (result.kind === 'aborted') result = await within(clock, acting, Math.min(limitMs, WITHDRAWAL_GRACE_MS));
  if (result.kind === 'lost') {
    return (result.sent ? unknown : failed)('hypervisor_unreachable', result.message);
  }
  if (result.kind !== 'answer')
    return unknown('timed_out', `the simulated ${operation} was asked for and never answered`);
  const answer = result.value;
  if (answer.answer === 'failed' && answer.code === 'run_taken') return unknown(answer.code, answer.message);
  if (answer.answer === 'failed') return failed(answer.code, answer.message, answer.ended ?? undefined);
  if (answer.answer !== 'done') return unknown('bad_answer', 'the simulated world answered something else');
  const ended = answer.ended === null ? {} : { ended: answer.ended };
  return { outcome: 'done', result: { pid: answer.pid, drift_ms: answer.drift_ms ?? null }, ...ended };
}
