import type { GuestAgents, GuestAnswer } from '../../actors/contracts/guest-agent.ts';
import type { ProbeResult, Prober } from '../../actors/contracts/probe.ts';
import { safeSentence } from '../../actors/contracts/safe-sentence.ts';

export interface ExecProberOptions {
  readonly agents: GuestAgents;
}

/** Asks by running a program in the guest: it passes when the program ends with status 0 in time. */
export function createExecProber({ agents }: ExecProberOptions): Prober {
  return {
    async probe({ instance, run }, { target, timeout_ms }, signal): Promise<ProbeResult> {
      if (target.type !== 'exec') return { result: 'unavailable', error: `a ${target.type} check is not for exec` };
      const { command, working_dir } = target;
      return resultOf(await agents.exec({ instance, run }, { command, working_dir, timeout_ms }, signal));
    },
  };
}

/** Only what the program itself did is its own: an agent that says nothing speaks for nobody. */
function resultOf(answer: GuestAnswer): ProbeResult {
  if (answer.answer === 'unavailable') return { result: 'unavailable', error: safeSentence(answer.reason) };
  if (answer.answer === 'late') return { result: 'failed', error: 'the command did not end in time' };
  return answer.code === 0 ? { result: 'passed' } : { result: 'failed', error: statusWords(answer.code) };
}

/** What a shell means by a status, for whoever has mistyped the command. */
const SHELL_MEANINGS: Readonly<Record<number, string>> = {
  126: ' (cannot be run, or no such directory)',
  127: ' (no such program)',
};

function statusWords(code: number): string {
  return `exit status ${code}${SHELL_MEANINGS[code] ?? ''}`;
}
