import type { EffectControl, Outcome, RunRef } from '../../actors/contracts/hypervisor.ts';
import { isWithdrawn } from './boot.ts';
import { COMMAND_LIMIT_MS } from './monitor.ts';
import { type QmpConnection, QmpError } from './qmp.ts';
import { endOf, type RunScope, settleRun, withMonitor } from './reality.ts';
import { type RunFacts, readRunState, runDirectory } from './run-directory.ts';
import { isGoneWithin, isKilled, KILLED_LIMIT_MS } from './run-ending.ts';

/** How long a VMM may take to leave after being told to quit, before it is killed. */
const QUIT_LIMIT_MS = 1_000;

const DONE: Outcome = { outcome: 'done', result: null };
const WITHDRAWN: Outcome = { outcome: 'withdrawn' };
const BOOTING: Outcome = { outcome: 'unknown', error: { code: 'booting', message: 'the run is being booted' } };

async function doneWithEnd(scope: RunScope, ref: RunRef, facts: RunFacts): Promise<Outcome> {
  return { outcome: 'done', result: null, ended: await endOf(scope, ref, facts) };
}

/** The outcome of an operation whose monitor command did not succeed. */
async function afterFailure(scope: RunScope, ref: RunRef, facts: RunFacts, error: unknown): Promise<Outcome> {
  if (!(error instanceof QmpError)) throw error;
  const problem = { code: error.code, message: error.message };
  if (readRunState(runDirectory(scope.root, ref)).state !== 'alive') return doneWithEnd(scope, ref, facts);
  const isCertain = error.code === 'qmp_unreachable' || error.code === 'qmp_refused';
  return isCertain ? { outcome: 'failed', error: problem } : { outcome: 'unknown', error: problem };
}

/** Delivers a monitor command unless it was withdrawn; the question is asked in the tick in which it is sent. */
async function deliver(
  scope: RunScope,
  ref: RunRef,
  control: EffectControl,
  command: string,
): Promise<'delivered' | 'withdrawn'> {
  return withMonitor(scope, ref, async (monitor: QmpConnection) => {
    if (isWithdrawn(control)) return 'withdrawn';
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(new QmpError('timed_out', `withdrawn while ${command} was under way`));
    control.signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([monitor.execute(command, COMMAND_LIMIT_MS), aborted.promise]);
      return 'delivered';
    } finally {
      control.signal.removeEventListener('abort', onAbort);
    }
  });
}

/** Pauses or resumes a guest. Both are harmless when the guest is already so. */
export async function tellGuest(
  scope: RunScope,
  ref: RunRef,
  control: EffectControl,
  command: 'stop' | 'cont',
): Promise<Outcome> {
  const state = await settleRun(scope, ref);
  if (state.state !== 'alive') {
    const error = { code: 'not_running', message: `run ${ref.run} has no VMM` };
    if (state.state !== 'gone') return { outcome: 'failed', error };
    return { outcome: 'failed', error, ended: await endOf(scope, ref, state.facts) };
  }
  try {
    return (await deliver(scope, ref, control, command)) === 'delivered' ? DONE : WITHDRAWN;
  } catch (error) {
    const outcome = await afterFailure(scope, ref, state.facts, error);
    if (outcome.outcome !== 'done' || outcome.ended === undefined) return outcome;
    return { outcome: 'failed', error: { code: 'not_running', message: 'the run ended' }, ended: outcome.ended };
  }
}

/** Presses the guest's power button. */
export async function shutDownRun(scope: RunScope, ref: RunRef, control: EffectControl): Promise<Outcome> {
  const state = await settleRun(scope, ref);
  if (state.state === 'gone') return doneWithEnd(scope, ref, state.facts);
  if (state.state === 'waiting') return BOOTING;
  if (state.state !== 'alive') return DONE;
  try {
    return (await deliver(scope, ref, control, 'system_powerdown')) === 'delivered' ? DONE : WITHDRAWN;
  } catch (error) {
    return afterFailure(scope, ref, state.facts, error);
  }
}

type QuitAnswer = 'sent' | 'not_sent' | 'withdrawn';

/** Tells a VMM to quit. Its answer does not matter: only whether the process is gone soon after. */
async function quit(scope: RunScope, ref: RunRef, control: EffectControl): Promise<QuitAnswer> {
  try {
    return await withMonitor(scope, ref, async (monitor) => {
      if (isWithdrawn(control)) return 'withdrawn';
      await monitor.execute('quit', QUIT_LIMIT_MS).catch(() => null);
      return 'sent';
    });
  } catch (error) {
    if (error instanceof QmpError) return 'not_sent';
    throw error;
  }
}

/** Ends the VMM: by its monitor when that answers, else by SIGKILL. Done only when the process is gone. */
export async function killRun(scope: RunScope, ref: RunRef, control: EffectControl): Promise<Outcome> {
  const state = await settleRun(scope, ref);
  if (state.state === 'gone') return doneWithEnd(scope, ref, state.facts);
  if (state.state === 'waiting') return BOOTING;
  if (state.state !== 'alive') return DONE;
  if (isWithdrawn(control)) return WITHDRAWN;
  const answer = await quit(scope, ref, control);
  if (answer === 'withdrawn') return WITHDRAWN;
  const leaves = answer === 'sent' && (await isGoneWithin(state.identity, scope.clock, QUIT_LIMIT_MS));
  if (!leaves) {
    if (isWithdrawn(control)) {
      if (answer === 'not_sent') return WITHDRAWN;
      return {
        outcome: 'unknown',
        error: { code: 'withdrawn_late', message: 'withdrawn after the VMM was told to quit' },
      };
    }
    if (!(await isKilled(state.identity, scope.clock))) {
      return {
        outcome: 'unknown',
        error: { code: 'timed_out', message: `the VMM lives ${KILLED_LIMIT_MS} ms after SIGKILL` },
      };
    }
  }
  return doneWithEnd(scope, ref, state.facts);
}
