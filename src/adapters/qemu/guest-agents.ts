import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { GuestAgents, GuestAnswer, GuestCommand } from '../../actors/contracts/guest-agent.ts';
import type { RunRef } from '../../actors/contracts/hypervisor.ts';
import { PROBE_TIME_UP } from '../../actors/contracts/probe.ts';
import { guestShellCommand, saysLate } from './agent-command.ts';
import { AGENT_WAITING_MAX, type AgentLine, type AgentQuestion, openAgentLine } from './agent-line.ts';

/** How to get to the agent of a run. */
export interface WayToAgents {
  /** Where the agent's socket of the run lies; null when its image has no agent. */
  readonly directoryOf: (ref: RunRef) => string | null;
  /** Whether the guest holds the port of its agent open at this moment; null when that cannot be told. */
  readonly isOpen: (ref: RunRef) => Promise<boolean | null>;
  /** Calls back whenever the guest closes that port, until the answer is called. */
  readonly onGone: (ref: RunRef, listener: () => void) => () => void;
}

export interface GuestAgentsOptions extends WayToAgents {
  readonly clock: Clock;
  readonly random: Random;
}

const ID_BYTES = 8;

export interface ShellText {
  readonly text: string;
  /** Within this time the answer is given. */
  readonly timeout_ms: number;
}

/** The same as what `exec` answers, with what was written, as the agent sent it: in Base64. */
export type AgentReply =
  | { readonly answer: 'ended'; readonly code: number; readonly output: string }
  | Exclude<GuestAnswer, { readonly answer: 'ended' }>;

/** The agents of the guests of QEMU. */
export class QemuGuestAgents implements GuestAgents {
  readonly #options: GuestAgentsOptions;
  readonly #lines = new Map<string, AgentLine>();

  constructor(options: GuestAgentsOptions) {
    this.#options = options;
  }

  async exec(guest: RunRef, command: GuestCommand, signal: AbortSignal): Promise<GuestAnswer> {
    const { timeout_ms } = command;
    const reply = await this.ask(guest, { text: guestShellCommand(command), timeout_ms }, signal);
    if (reply.answer !== 'ended') return reply;
    return saysLate(reply.output) ? { answer: 'late' } : { answer: 'ended', code: reply.code };
  }

  /** Hands a text to the guest's shell; unlike `exec`, nothing ends it in the guest, and what it writes is answered. */
  ask(guest: RunRef, command: ShellText, signal: AbortSignal): Promise<AgentReply> {
    const { clock } = this.#options;
    if (signal.aborted) return Promise.resolve(unavailable('the command was withdrawn before it was sent'));
    return new Promise((resolve) => {
      let known: AgentReply = unavailable('the VMM did not say in time whether the guest agent is there');
      let over = false;
      let forget = (): void => {};
      const settle = (answer: AgentReply): void => {
        if (over) return;
        over = true;
        cancel();
        signal.removeEventListener('abort', withdraw);
        forget();
        resolve(answer);
      };
      const withdraw = (): void =>
        settle(signal.reason === PROBE_TIME_UP ? known : unavailable('the command was withdrawn before its answer'));
      const cancel = clock.after(command.timeout_ms, () => settle(known));
      signal.addEventListener('abort', withdraw, { once: true });
      const learn = (answer: AgentReply): void => {
        known = answer;
      };
      this.#whyNot(guest).then(
        (reason) => {
          if (reason !== null) settle(unavailable(reason));
          else if (!over) forget = this.#ask(guest, command, { learn, settle });
        },
        () => settle(unavailable('the guest agent cannot be reached')),
      );
    });
  }

  close(): void {
    for (const line of [...this.#lines.values()]) line.close();
  }

  async #whyNot(guest: RunRef): Promise<string | null> {
    const { directoryOf, isOpen } = this.#options;
    if (directoryOf(guest) === null) return 'the image of this guest has no agent';
    const open = await isOpen(guest).catch(() => null);
    if (open === null) return 'the VMM cannot be asked whether the guest agent is there';
    return open ? null : 'the guest agent is not there';
  }

  /** `learn` is told what is to be said if the time ends now. Answers how to forget the question. */
  #ask(
    guest: RunRef,
    command: ShellText,
    { learn, settle }: { readonly learn: (known: AgentReply) => void; readonly settle: (answer: AgentReply) => void },
  ): () => void {
    const line = this.#lineTo(guest);
    const question: AgentQuestion = {
      id: this.#options.random.hex(ID_BYTES),
      command: command.text,
      limitMs: command.timeout_ms,
      sent: () => learn(unavailable('the guest agent did not take the command in time')),
      taken: () => learn({ answer: 'late' }),
      ended: (code, output) => settle({ answer: 'ended', code, output }),
      lost: () => settle(unavailable('the guest agent or the connection to it was lost')),
    };
    learn(unavailable('the guest agent was busy with an earlier command'));
    if (!line.ask(question)) settle(unavailable(`${AGENT_WAITING_MAX} commands wait for the guest agent already`));
    return () => line.forget(question);
  }

  #lineTo(guest: RunRef): AgentLine {
    const key = `${guest.instance}/${guest.run}`;
    const present = this.#lines.get(key);
    if (present !== undefined) return present;
    const { clock, directoryOf, onGone } = this.#options;
    const unsubscribe = onGone(guest, () => line.close());
    const line = openAgentLine({
      directory: directoryOf(guest) ?? '',
      clock,
      onClose: () => {
        unsubscribe();
        if (this.#lines.get(key) === line) this.#lines.delete(key);
      },
    });
    this.#lines.set(key, line);
    return line;
  }
}

function unavailable(reason: string): Extract<AgentReply, { readonly answer: 'unavailable' }> {
  return { answer: 'unavailable', reason };
}
