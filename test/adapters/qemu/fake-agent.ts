import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AGENT_SOCKET } from '../../../src/adapters/qemu/command-line.ts';

/** The host's end of a guest's agent port, with an agent behind it that does what a test says. */

export interface FakeAgent {
  /** Of the run: the socket lies there. */
  readonly directory: string;
  /** Ids of the commands it was given, oldest first. */
  readonly asked: readonly string[];
  /** Connections made to it so far. */
  connections(): number;
  open(): number;
  say(text: string): void;
  /** From now on it reads nothing. */
  hang(): void;
  close(): Promise<void>;
}

const COMMAND = /^(\S+) (\S+) \.$/;

export async function startFakeAgent(does: (agent: FakeAgent, id: string) => void): Promise<FakeAgent> {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-agent-'));
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  let [connections, isHung] = [0, false];
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    if (isHung) socket.pause();
    let rest = '';
    socket.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const id = COMMAND.exec(line)?.[1];
        if (id === undefined) continue;
        asked.push(id);
        does(agent, id);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(join(directory, AGENT_SOCKET), resolve));
  const agent: FakeAgent = {
    directory,
    asked,
    connections: () => connections,
    open: () => sockets.size,
    say: (text) => {
      for (const socket of sockets) socket.write(text);
    },
    hang: () => {
      isHung = true;
      for (const socket of sockets) socket.pause();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return agent;
}
