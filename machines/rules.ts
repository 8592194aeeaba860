import { dueAfter } from './backoff.ts';
import type { Attempt, ChartContext } from './context.ts';
import type { EndReason, RunEnd } from './events.ts';
import type { RestartPolicy } from './policies.ts';

/** The rules about restart and budget as plain functions; the regions name them as guards. */

export function definitionOf(context: ChartContext) {
  if (context.definition === null) throw new Error('The chart needs a definition after create.');
  return context.definition;
}

/** A clean end is an exit code of 0 and nothing else: an unknown code counts as a failure. */
export function endedInFailure(end: RunEnd): boolean {
  return end.code !== 0;
}

export function isExpired(context: ChartContext, at: number): boolean {
  const expiry = context.definition?.expiry ?? null;
  return expiry !== null && expiry.expires_at <= at;
}

/**
 * May anything happen to this instance that nobody asked for right now? Not on a host that is in maintenance or being
 * drained, and not while somebody keeps all hands off it. What people ask for is always done.
 */
export function automationAllowed(context: ChartContext): boolean {
  return context.host.mode === 'normal' && context.intent.wanted !== 'ignore';
}

/** What holds automation back, for facts. */
export function heldBackBy(context: ChartContext): string {
  return context.intent.wanted === 'ignore' ? 'ignore' : context.host.mode;
}

/**
 * `host_reboot`: the host went down under it; coming back is not an attempt. `gated`: too soon after the last automatic
 * restart for another one that only its health asks for.
 */
export type RestartVerdict = 'none' | 'exhausted' | 'gated' | 'backoff' | 'attempt' | 'host_reboot';

/** May something automatic start or restart this instance at all? */
export function mayRestart(context: ChartContext, at: number): boolean {
  const policy = context.definition?.restart_policy ?? null;
  const wanted = context.intent.wanted === 'running' && automationAllowed(context);
  return policy !== null && wanted && !isExpired(context, at);
}

/** When what the next attempt answers happened: the end of the run, else the verdict about its health. Never after `at`. */
function failedAt({ run, health }: ChartContext, at: number): number {
  const told = run.ended ? run.exit?.ended_at : health.unhealthy_since;
  return Math.min(told ?? at, at);
}

/** Earliest instant of the next automatic attempt: the first is due at once. */
export function nextAttemptDue(context: ChartContext, at: number): number {
  const policy = context.definition?.restart_policy ?? null;
  if (policy === null) return at;
  const { name } = definitionOf(context);
  const failure = { name, run: context.run.number, failedAt: failedAt(context, at) };
  return Math.max(at, dueAfter(policy, context.restart, failure));
}

/** Until when a restart for health waits for the last automatic restart to have had its time; in the past: no longer. */
export function gateEnd(context: ChartContext): number {
  const period = context.definition?.restart_policy?.stability_period_ms;
  const { restarted_at } = context.restart;
  return period === undefined || restarted_at === null ? 0 : restarted_at + period;
}

/** Budget and backoff, in the order of the reference: a used-up budget blocks at once, then the backoff holds back. */
export function budgetVerdict(context: ChartContext, at: number): RestartVerdict {
  if (!mayRestart(context, at)) return 'none';
  const policy = definitionOf(context).restart_policy;
  if (policy === null) return 'none';
  if (policy.max_attempts > 0 && context.restart.attempts >= policy.max_attempts) return 'exhausted';
  return nextAttemptDue(context, at) > at ? 'backoff' : 'attempt';
}

/** The same for an unhealthy guest that runs. A used-up budget blocks at once, whatever the gate says. */
export function healthVerdict(context: ChartContext, at: number): RestartVerdict {
  const verdict = budgetVerdict(context, at);
  const waits = verdict === 'attempt' || verdict === 'backoff';
  return waits && gateEnd(context) > at ? 'gated' : verdict;
}

/** Does the policy restart a run that ended so? Rules about its exit code come before the policy's mode. */
function restartsAfter({ policy, exit_codes }: RestartPolicy, { failed, code }: EndOfRun): boolean {
  if (code !== null && exit_codes?.never?.includes(code)) return false;
  if (code !== null && exit_codes?.restart?.includes(code)) return true;
  return policy === 'always' || failed;
}

/** What the automatic start or restart answers that is pending, if one is: a guest that still runs is only unhealthy. */
export function pendingCause({
  admission,
  run,
}: Pick<ChartContext, 'admission' | 'run'>): Attempt['cause'] | 'host_reboot' {
  if (admission?.purpose === 'host_reboot') return 'host_reboot';
  return run.ended ? 'exit' : 'health';
}

export interface EndOfRun {
  readonly planned: boolean;
  readonly failed: boolean;
  readonly reason: EndReason;
  readonly code: number | null;
}

/** What follows the end of a run that nobody asked for. */
export function verdictAfterEnd(context: ChartContext, end: EndOfRun, at: number): RestartVerdict {
  if (end.planned) return 'none';
  if (end.reason === 'host_reboot') return mayRestart(context, at) ? 'host_reboot' : 'none';
  const policy = context.definition?.restart_policy ?? null;
  if (policy === null || !restartsAfter(policy, end)) return 'none';
  return budgetVerdict(context, at);
}

/** The same question asked again without a new end: after a change of policy, or when automation goes on. */
export function verdictAtRest(context: ChartContext, at: number): RestartVerdict {
  const { run, snapshot, snapshot_work } = context;
  // Asleep, or about to be: nothing is owed to the end of a guest that was put away.
  if (snapshot !== null || snapshot_work !== null) return 'none';
  if (run.number === 0 || !run.ended || run.exit === null) return 'none';
  const { exit, planned } = run;
  const { reason, code } = exit;
  return verdictAfterEnd(context, { planned, failed: endedInFailure(exit), reason, code }, at);
}

/** The start period is over: at exactly its end the guest is out of grace. */
export function outOfGrace({ health, definition }: ChartContext, at: number): boolean {
  const startedAt = health.window_started_at ?? at;
  return at - startedAt >= (definition?.health_check?.start_period_ms ?? 0);
}

/**
 * Probes fail, and only the start period, or the next probe after it, keeps that from being a verdict. Such a guest proves
 * nothing by running on: a check that never passes would otherwise get a new window of restarts in each start period
 * that is longer than the stable window, for ever.
 */
export function failsInGrace(context: ChartContext, at: number): boolean {
  const { failures } = context.health;
  const check = context.definition?.health_check ?? null;
  // What a check had counted before it was taken away says nothing any more.
  if (check === null) return false;
  return failures > 0 && (!outOfGrace(context, at) || failures >= check.failure_threshold);
}
