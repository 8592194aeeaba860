import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '../../../src/actors/clock.ts';
import type { ProbedGuest } from '../../../src/actors/contracts/probe.ts';
import { createExecProber } from '../../../src/adapters/probes/exec-prober.ts';
import { createProbers } from '../../../src/adapters/probes/probers.ts';
import { AGENT_SOCKET } from '../../../src/adapters/qemu/command-line.ts';
import { QemuGuestAgents } from '../../../src/adapters/qemu/guest-agents.ts';
import { checkOf, type ProberWorld, type Workload } from '../../contracts/prober.world.ts';
import { simulatedTime } from './prober-worlds.ts';

/** The prober contract's world over agents that are played by this process, at sockets such as QEMU has. */

const PATIENCE_MS = 30_000;
const [GUEST, NEIGHBOUR, UNASKABLE] = ['guest', 'neighbour', 'unaskable'] as const;
const guestOf = (instance: string): ProbedGuest => ({ instance, run: 1, address: null, ports: [] });

interface PlayedAgent {
  readonly directory: string;
  workload: Workload;
  asked(): number;
  connections(): number;
  close(): Promise<void>;
}

/** What an agent says after it has taken a command. A foul one says more than was asked, and in harmful words. */
const ANSWERS: Readonly<Record<Workload, (id: string) => string>> = {
  well: (id) => `${id} 0 \n`,
  sick: (id) => `${id} 3 \n`,
  silent: () => '',
  foul: (id) => `\u001b[2J\n${id} \u0007\n${id} 0x0\nother 0 \n${id} 7 \u001b[31m${'!'.repeat(2_000)}\n${id} 0 \n`,
};

async function playAgent(directory: string): Promise<PlayedAgent> {
  mkdirSync(directory);
  const sockets = new Set<Socket>();
  let asked = 0;
  const agent: PlayedAgent = {
    directory,
    workload: 'well',
    asked: () => asked,
    connections: () => sockets.size,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    let heard = '';
    socket.on('data', (bytes) => {
      const lines = (heard + bytes.toString()).split('\n');
      heard = lines.pop() ?? '';
      for (const [id = '', command] of lines.map((line) => line.split(' '))) {
        if (command === undefined) continue;
        asked += 1;
        socket.write(`${id} taken\n${ANSWERS[agent.workload](id)}`, 'latin1');
      }
    });
  });
  server.listen(join(directory, AGENT_SOCKET));
  await once(server, 'listening');
  return agent;
}

export async function execWorld(): Promise<ProberWorld> {
  const root = mkdtempSync(join(tmpdir(), 'statevisor-agents-'));
  const clock = simulatedTime();
  const agent = await playAgent(join(root, GUEST));
  const besides = await playAgent(join(root, NEIGHBOUR));
  const agents = new QemuGuestAgents({
    clock,
    random: seededRandom(1, clock),
    directoryOf: ({ instance }) => (instance === UNASKABLE ? null : join(root, instance)),
    isOpen: async () => true,
    onGone: () => () => undefined,
  });
  return {
    prober: createProbers({ exec: createExecProber({ agents }) }),
    clock,
    check: checkOf({ type: 'exec', command: ['true'] }),
    guest: guestOf(GUEST),
    neighbour: guestOf(NEIGHBOUR),
    unaskable: guestOf(UNASKABLE),
    become: async (workload) => {
      agent.workload = workload;
    },
    asked: agent.asked,
    // The agent's socket takes one connection at a time, which is kept for the next question.
    open: () => Math.max(0, agent.connections() - 1),
    patienceMs: PATIENCE_MS,
    destroy: async () => {
      agents.close();
      await Promise.all([agent.close(), besides.close()]);
      rmSync(root, { recursive: true, force: true });
    },
  };
}
