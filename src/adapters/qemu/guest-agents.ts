import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { GuestAgents, GuestAnswer, GuestCommand } from '../../actors/contracts/guest-agent.ts';
import type { RunRef } from '../../actors/contracts/hypervisor.ts';
import { PROBE_TIME_UP } from '../../actors/contracts/probe.ts';
import { AGENT_WAITING_MAX, type AgentLine, openAgentLine } from './agent-line.ts';

/** How to get to the agent of a run. */
export interface WayToAgents {
  /** Where the agent's socket of the run lies; null when its image has no agent. */
  readonly directoryOf: (ref: RunRef) => string | null;
  /** Whether the guest holds the port of its agent open at this moment; null when that cannot be told. */
  readonly isOpen: (ref: RunRef) => Promise<boolean | null>;
}

export interface GuestAgentsOptions extends WayToAgents {
  readonly clock: Clock;
  readonly random: Random;
}

/** A connection that nobody has used for so long is given up: the socket of an agent takes one at a time. */
export const AGENT_IDLE_MS = 60_000;
const MS_PER_SECOND = 1_000;
const ID_BYTES = 8;

interface Line {
  readonly line: AgentLine;
  cancelIdle: () => void;
}

/** The agents of the guests of QEMU. */
export class QemuGuestAgents implements GuestAgents {
  readonly #options: GuestAgentsOptions;
  readonly #lines = new Map<string, Line>();

  constructor(options: GuestAgentsOptions) {
    this.#options = options;
  }

  exec(guest: RunRef, command: GuestCommand, signal: AbortSignal): Promise<GuestAnswer> {
    const { clock } = this.#options;
    if (signal.aborted) return Promise.resolve(unavailable('the command was withdrawn before it was sent'));
    return new Promise((resolve) => {
      let known: GuestAnswer = unavailable('the VMM did not say in time whether the guest agent is there');
      let over = false;
      let forget = (): void => {};
      const settle = (answer: GuestAnswer): void => {
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
      const send = (): void => {
        known = unavailable('the guest agent did not take the command in time');
        forget = this.#send(guest, command, {
          taken: () => {
            known = { answer: 'late' };
          },
          settle,
        });
      };
      this.#whyNot(guest).then(
        (reason) => {
          if (reason !== null) settle(unavailable(reason));
          else if (!over) send();
        },
        () => settle(unavailable('the guest agent cannot be reached')),
      );
    });
  }

  close(): void {
    for (const { line, cancelIdle } of [...this.#lines.values()]) {
      cancelIdle();
      line.close();
    }
  }

  async #whyNot(guest: RunRef): Promise<string | null> {
    const { directoryOf, isOpen } = this.#options;
    if (directoryOf(guest) === null) return 'the image of this guest has no agent';
    const open = await isOpen(guest).catch(() => null);
    if (open === null) return 'the VMM cannot be asked whether the guest agent is there';
    return open ? null : 'the guest agent is not there';
  }

  /** Answers how to forget the question. */
  #send(
    guest: RunRef,
    command: GuestCommand,
    heard: { readonly taken: () => void; readonly settle: (answer: GuestAnswer) => void },
  ): () => void {
    const line = this.#lineTo(guest);
    const id = this.#options.random.hex(ID_BYTES);
    const asked = line.ask(id, shellCommand(command), {
      taken: heard.taken,
      ended: (code) => heard.settle({ answer: 'ended', code }),
      lost: () => heard.settle(unavailable('the connection to the guest agent was lost')),
    });
    if (!asked) heard.settle(unavailable(`the guest agent has ${AGENT_WAITING_MAX} commands to run already`));
    return () => line.forget(id);
  }

  #lineTo(guest: RunRef): AgentLine {
    const key = `${guest.instance}/${guest.run}`;
    const present = this.#lines.get(key) ?? this.#open(key, guest);
    present.cancelIdle();
    const rest = (): void => {
      present.cancelIdle = this.#options.clock.after(AGENT_IDLE_MS, () => present.line.close());
    };
    rest();
    return present.line;
  }

  #open(key: string, guest: RunRef): Line {
    const made: Line = {
      line: openAgentLine(this.#options.directoryOf(guest) ?? '', () => {
        made.cancelIdle();
        if (this.#lines.get(key) === made) this.#lines.delete(key);
      }),
      cancelIdle: () => {},
    };
    this.#lines.set(key, made);
    return made;
  }
}

function unavailable(reason: string): GuestAnswer {
  return { answer: 'unavailable', reason };
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** What the guest's shell is told. What the program writes is not wanted, and may be endless. */
function shellCommand({ command, working_dir, timeout_ms }: GuestCommand): string {
  const seconds = Math.max(1, Math.ceil(timeout_ms / MS_PER_SECOND));
  const into = working_dir === undefined ? '' : `cd ${quoted(working_dir)} && `;
  return `${into}exec timeout -s KILL ${seconds} ${command.map(quoted).join(' ')} >/dev/null 2>&1 </dev/null`;
}
