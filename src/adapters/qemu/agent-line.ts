import { Socket } from 'node:net';
import type { Clock } from '../../actors/contracts/clock.ts';
import { AGENT_SOCKET } from './command-line.ts';
import { withSocketPath } from './monitor.ts';

/**
 * The connection to the agent of one guest: lines `ID BASE64(COMMAND) .` to it; `agent NONCE`, `ID taken` and
 * `ID CODE BASE64(OUTPUT)` from it (docs/reference/guest-agent.md). Whatever else a guest writes there is passed over. One
 * command is under way at a time, until the agent itself has said how it ended: one that hangs is sent nothing more.
 */

/** Most bytes that are read from one question to the next: the output of a program, of which nothing is kept, fits. */
export const AGENT_ANSWER_MAX_BYTES = 131_072;
/** Commands that may wait for the one that is under way. */
export const AGENT_WAITING_MAX = 8;
/** A connection on which nobody has asked or answered for so long is given up: the socket of an agent takes one at a time. */
export const AGENT_IDLE_MS = 60_000;

const GREETING = /^agent (\S{1,64})$/;
const ANSWER = /^(\S{1,64}) (?:(taken)|(\d{1,3})(?: (\S*))?)$/;
const CODE_MAX = 255;

export interface AgentQuestion {
  readonly id: string;
  /** For the guest's shell. */
  readonly command: string;
  /** How long the answer may take to come, before the agent counts as hung for good. */
  readonly limitMs: number;
  readonly sent: () => void;
  readonly taken: () => void;
  /** `output` as the agent wrote it, in Base64. */
  readonly ended: (code: number, output: string) => void;
  /** The connection or the agent is gone: nothing more will be heard. */
  readonly lost: () => void;
}

export interface AgentLine {
  /** False when too many wait already. */
  ask(question: AgentQuestion): boolean;
  /** Nobody waits for that answer any more. One that was sent stays under way. */
  forget(question: AgentQuestion): void;
  close(): void;
}

export interface AgentLineOptions {
  /** The run's directory. */
  readonly directory: string;
  readonly clock: Clock;
  /** Called once, when the connection is gone for whatever reason. */
  readonly onClose: () => void;
}

interface UnderWay {
  readonly question: AgentQuestion;
  isTaken: boolean;
  isForgotten: boolean;
}

/** Connects to the agent of a run. */
export function openAgentLine(options: AgentLineOptions): AgentLine {
  const line = new Line(options);
  line.connect();
  return line;
}

class Line implements AgentLine {
  readonly #options: AgentLineOptions;
  readonly #socket = new Socket();
  #waiting: AgentQuestion[] = [];
  #underWay: UnderWay | null = null;
  #nonce: string | null = null;
  #isClosed = false;
  #cancelIdle = (): void => {};
  #rest = '';
  #mayRead = AGENT_ANSWER_MAX_BYTES;

  constructor(options: AgentLineOptions) {
    this.#options = options;
  }

  connect(): void {
    const socket = this.#socket;
    const close = (): void => this.close();
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', close);
    socket.on('close', close);
    this.#rearm(0);
    withSocketPath(this.#options.directory, AGENT_SOCKET, (path) => {
      const settled = Promise.withResolvers<void>();
      socket.once('connect', settled.resolve);
      socket.once('close', settled.resolve);
      socket.connect({ path });
      return settled.promise;
    }).catch(close);
    // Whoever was here before may have gone in the middle of a line.
    socket.write('\n');
  }

  ask(question: AgentQuestion): boolean {
    if (this.#isClosed || this.#waiting.length >= AGENT_WAITING_MAX) return false;
    this.#waiting.push(question);
    this.#next();
    return true;
  }

  forget(question: AgentQuestion): void {
    this.#waiting = this.#waiting.filter((one) => one !== question);
    if (this.#underWay?.question === question) this.#underWay.isForgotten = true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelIdle();
    this.#socket.destroy();
    this.#options.onClose();
    this.#lose();
    for (const question of this.#waiting.splice(0)) question.lost();
  }

  #next(): void {
    const question = this.#underWay === null ? this.#waiting.shift() : undefined;
    if (question === undefined) return;
    this.#underWay = { question, isTaken: false, isForgotten: false };
    this.#mayRead = AGENT_ANSWER_MAX_BYTES;
    this.#rearm(question.limitMs);
    this.#socket.write(`${question.id} ${Buffer.from(question.command).toString('base64')} .\n`);
    question.sent();
  }

  #lose(): void {
    const lost = this.#underWay;
    this.#underWay = null;
    if (lost !== null && !lost.isForgotten) lost.question.lost();
  }

  #rearm(limitMs: number): void {
    this.#cancelIdle();
    this.#cancelIdle = this.#options.clock.after(limitMs + AGENT_IDLE_MS, () => this.close());
  }

  /** Cuts bytes into lines. Nothing that a guest writes is kept or read without a bound, also while nobody asks. */
  #read(chunk: Buffer): void {
    this.#mayRead -= chunk.length;
    // Answers are ASCII, so bytes are characters here.
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (!this.#isClosed) this.#hear(line.trim());
    if (this.#mayRead < 0) this.close();
  }

  #hear(line: string): void {
    const nonce = GREETING.exec(line)?.[1];
    if (nonce !== undefined) this.#greeted(nonce);
    const [, id, taken, digits, output = ''] = ANSWER.exec(line) ?? [];
    const current = this.#underWay;
    if (current === null || current.question.id !== id) return;
    if (taken !== undefined) {
      current.isTaken = true;
      if (!current.isForgotten) current.question.taken();
      return;
    }
    if (Number(digits) > CODE_MAX) return;
    this.#underWay = null;
    this.#rearm(0);
    if (!current.isForgotten) current.question.ended(Number(digits), output);
    this.#next();
  }

  /** Another agent than before knows nothing of what the one before it has taken. */
  #greeted(nonce: string): void {
    const isAnother = this.#nonce !== null && this.#nonce !== nonce;
    // The first greeting that is heard here comes before anything is taken, unless another agent has taken it.
    if (isAnother || (this.#nonce === null && this.#underWay?.isTaken === true)) this.#lose();
    this.#nonce = nonce;
    this.#next();
  }
}
