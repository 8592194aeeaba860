import { Socket } from 'node:net';
import { AGENT_SOCKET } from './command-line.ts';
import { withSocketPath } from './monitor.ts';

/**
 * The connection to the agent of one guest: lines `ID BASE64(COMMAND) .` to it, `ID taken` and
 * `ID CODE BASE64(OUTPUT)` from it (docs/reference/guest-agent.md). Whatever else a guest writes there is passed over.
 */

/** Longest line that is read: the output of a program, of which nothing is kept, fits. */
export const AGENT_LINE_MAX_BYTES = 131_072;
/** Programs that may be asked for at a time; the agent runs one after another. */
export const AGENT_WAITING_MAX = 8;

const ANSWER = /^(\S{1,64}) (taken|\d{1,3})(?: |$)/;

export interface AgentListener {
  readonly taken: () => void;
  readonly ended: (code: number) => void;
  /** The connection is gone: nothing more will be heard. */
  readonly lost: () => void;
}

export interface AgentLine {
  /** False when too many wait already. */
  ask(id: string, command: string, listener: AgentListener): boolean;
  /** Nobody waits for that answer any more. */
  forget(id: string): void;
  waiting(): number;
  close(): void;
}

/** Connects to the agent of the run in this directory. `onClose` is called once, when the connection is gone for whatever reason. */
export function openAgentLine(directory: string, onClose: () => void): AgentLine {
  const listeners = new Map<string, AgentListener>();
  const socket = new Socket();
  let isClosed = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    socket.destroy();
    onClose();
    for (const listener of listeners.values()) listener.lost();
    listeners.clear();
  };
  const onLine = (line: string): void => {
    const [, id = '', said = ''] = ANSWER.exec(line) ?? [];
    const listener = listeners.get(id);
    if (listener === undefined) return;
    if (said === 'taken') {
      listener.taken();
      return;
    }
    listeners.delete(id);
    listener.ended(Number(said));
  };
  socket.on('data', lineReader(onLine, close));
  socket.on('error', close);
  socket.on('close', close);
  const connecting = withSocketPath(directory, AGENT_SOCKET, (path) => {
    const settled = Promise.withResolvers<void>();
    socket.once('connect', settled.resolve);
    socket.once('close', settled.resolve);
    socket.connect({ path });
    return settled.promise;
  });
  connecting.catch(close);
  // Whoever was here before may have gone in the middle of a line.
  socket.write('\n');
  return {
    ask: (id, command, listener) => {
      if (isClosed || listeners.size >= AGENT_WAITING_MAX) return false;
      listeners.set(id, listener);
      socket.write(`${id} ${Buffer.from(command).toString('base64')} .\n`);
      return true;
    },
    forget: (id) => listeners.delete(id),
    waiting: () => listeners.size,
    close,
  };
}

/** Cuts bytes into lines; one that grows past the bound is the end. */
function lineReader(onLine: (line: string) => void, overflow: () => void): (chunk: Buffer) => void {
  let rest = '';
  return (chunk) => {
    // Answers are ASCII, so bytes are characters here.
    rest += chunk.toString('latin1');
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line.trim());
    if (rest.length > AGENT_LINE_MAX_BYTES) overflow();
  };
}
