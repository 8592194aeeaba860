import type { Clock } from '../../../actors/contracts/clock.ts';
import type { RunRef } from '../../../actors/contracts/hypervisor.ts';
import type { AgentReply, ShellText } from '../guest-agents.ts';

/** The agents as the operations on snapshots use them. */
export interface PatientAgents {
  ask(guest: RunRef, command: ShellText, signal: AbortSignal): Promise<AgentReply>;
}

export interface PatientQuestion {
  /** Made anew for each try: it may hold the time. */
  readonly command: () => string;
  readonly limitMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const PAUSE_MS = 50;

/** Asks an agent that may be on its way: a guest that was let go a moment ago has to notice its host first. */
export async function askPatiently(
  agents: PatientAgents,
  guest: RunRef,
  { command, limitMs, clock, signal }: PatientQuestion,
): Promise<AgentReply> {
  const deadline = clock.monotonic() + limitMs;
  for (;;) {
    const leftMs = Math.max(1, deadline - clock.monotonic());
    const reply = await agents.ask(guest, { text: command(), timeout_ms: leftMs }, signal);
    const isLast = signal.aborted || clock.monotonic() + PAUSE_MS >= deadline;
    if (reply.answer !== 'unavailable' || isLast) return reply;
    await clock.sleep(PAUSE_MS, signal);
  }
}
