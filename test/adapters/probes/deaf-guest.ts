import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../../src/actors/clock.ts';
import type { ProbedGuest } from '../../../src/actors/contracts/probe.ts';
import { FORWARDED_PORT } from './guest-server.ts';

/** A guest that hangs, and whose kernel takes no connection any more: whoever connects to it waits. */
export interface DeafGuest {
  readonly bridged: ProbedGuest;
  readonly forwarded: ProbedGuest;
  close(): Promise<void>;
}

const BACKLOG = 1;
const FILLING_MAX = 16;
/** A connection over the loopback that does not stand by then does not come to stand. */
const NOT_TAKEN_MS = 200;

/** Whoever asks it under its own address needs to know the port before it starts. */
export async function startDeafGuest(host: string, wanted = 0): Promise<DeafGuest> {
  const thread = new Worker(new URL('./deaf-guest.thread.ts', import.meta.url), {
    workerData: { host, port: wanted, backlog: BACKLOG },
  });
  const [port] = (await once(thread, 'message')) as [number];
  thread.postMessage('be deaf');
  const filling: Socket[] = [];
  for (let taken = true; taken && filling.length < FILLING_MAX; ) {
    const socket = connect({ host, port });
    filling.push(socket.on('error', () => undefined));
    taken = await Promise.race([
      once(socket, 'connect').then(() => true),
      systemClock()
        .sleep(NOT_TAKEN_MS)
        .then(() => false),
    ]);
  }
  // Forwards are on 127.0.0.1, and so is the guest behind one.
  return {
    bridged: { instance: 'guest', run: 1, address: host, ports: [] },
    forwarded: { instance: 'guest', run: 1, address: null, ports: [{ host_port: port, guest_port: FORWARDED_PORT }] },
    close: async () => {
      for (const socket of filling) socket.destroy();
      await thread.terminate();
    },
  };
}
