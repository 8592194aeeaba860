import {
  AGENT_UNANSWERED,
  type ClockSet,
  type EffectControl,
  type Outcome,
  type RunRef,
} from '../../../actors/contracts/hypervisor.ts';
import { isWithdrawn } from '../boot.ts';
import type { AgentReply } from '../guest-agents.ts';
import { queryAgentOpen } from '../monitor.ts';
import { type RunScope, settleRun, withMonitor } from '../reality.ts';
import { runDirectory } from '../run-directory.ts';
import { askPatiently, type PatientAgents } from './patient-agents.ts';
import { failed } from './save.ts';
import { readWoken } from './woken.ts';

/** A guest that was paused or saved goes on with the time of that moment: its clock is set, and how far off it was is told. */

/** How long the agent of a guest that has one may take: a loaded host under emulation needs seconds. */
const AGENT_LIMIT_MS = 10_000;
/** A clock is late by what it took to be told the time. After more than this it is told once more: by then its guest is awake. */
const SLOW_MS = 250;
const TIMES_TOLD_MAX = 3;
const MS_PER_SECOND = 1_000;
/** What the guest says of its clock: seconds and a fraction of at least three digits. */
const TOLD_TIME = /^(\d{1,12})\.(\d{3})\d*\s*$/m;

/**
 * Tells the guest's time, then sets it. The shells of busybox and GNU know the time themselves; else GNU date knows fractions,
 * and where date does not, the time comes from adjtimex. Busybox' date is set to the nearest whole second. Each program that
 * is begun here takes its time from a guest that has just woken up for somebody, tens of milliseconds under emulation.
 */
export function clockCommand(at: number): string {
  const exact = (at / MS_PER_SECOND).toFixed(3);
  const nearest = Math.round(at / MS_PER_SECOND);
  return [
    'case $EPOCHREALTIME in *.*) t=$EPOCHREALTIME ;; *) t=$(date -u +%s.%N) ;; esac',
    'case $t in *N*)',
    "set -- $(adjtimex 2>/dev/null | sed -n 's/.*time.tv_sec: *//p;s/.*time.tv_usec: *//p')",
    "t=$(printf '%s.%06d' $1 $2) ;; esac",
    'echo "$t"',
    `{ ! [ /bin/date -ef /bin/busybox ] && date -u -s @${exact}; } >/dev/null 2>&1 ||`,
    `date -u -s @${nearest} >/dev/null 2>&1 || exit 1`,
    '',
  ].join('\n');
}

/** The guest's time (epoch ms) in what that command wrote; null when it is not in it. */
export function toldTime(output: string): number | null {
  const [, seconds, thousandths] = TOLD_TIME.exec(Buffer.from(output, 'base64').toString('latin1')) ?? [];
  return seconds === undefined ? null : Number(seconds) * MS_PER_SECOND + Number(thousandths);
}

export interface ClockTools {
  readonly scope: RunScope;
  readonly agents: PatientAgents;
}

/** `at` is the time when this was called. */
export async function setGuestClock(
  { scope, agents }: ClockTools,
  ref: RunRef,
  at: number,
  control: EffectControl,
): Promise<Outcome<ClockSet>> {
  const { clock } = scope;
  const calledAt = clock.monotonic();
  const state = await settleRun(scope, ref);
  if (state.state !== 'alive') return failed('not_running', `run ${ref.run} has no VMM`);
  const isExpected = readWoken(runDirectory(scope.root, ref))?.agent ?? false;
  const isOpen = await withMonitor(scope, ref, queryAgentOpen).catch(() => false);
  if (isWithdrawn(control)) return { outcome: 'withdrawn' };
  if (!isExpected && !isOpen) return { outcome: 'done', result: { drift_ms: null } };
  const now = (): number => at + Math.round(clock.monotonic() - calledAt);
  let drift: number | null = null;
  for (let times = 1; times <= TIMES_TOLD_MAX; times++) {
    let sentAt = at;
    const command = (): string => {
      sentAt = now();
      return clockCommand(sentAt);
    };
    const limitMs = Math.max(1, AGENT_LIMIT_MS - (now() - at));
    const reply = await askPatiently(agents, ref, { command, limitMs, clock, signal: control.signal });
    if (control.signal.aborted) return { outcome: 'withdrawn' };
    const told = toldIn(reply);
    // It has taken a time already, if a late one.
    if (typeof told !== 'number' && drift !== null) break;
    if (typeof told !== 'number') return told;
    drift ??= sentAt - told;
    if (now() - sentAt <= SLOW_MS) break;
  }
  return { outcome: 'done', result: { drift_ms: drift } };
}

/** The time that a guest told before it took the one it was given, or why it did not take it. */
function toldIn(reply: AgentReply): number | Exclude<Outcome<ClockSet>, { outcome: 'done' }> {
  if (reply.answer !== 'ended') {
    return failed(AGENT_UNANSWERED, reply.answer === 'late' ? 'the guest agent is late' : reply.reason);
  }
  const told = reply.code === 0 ? toldTime(reply.output) : null;
  return told ?? failed('clock_not_set', `the guest cannot set its clock (it said so with code ${reply.code})`);
}
