import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * Stands for a guest and for its client, inside a network namespace: the guest's address listens, and the client has one
 * connection open to it, real ones of the kernel. Told by lines: `renew` opens the next connection before it lets go of the
 * one before, `end` lets go of it, `flood` makes thousands of entries that have nothing to do with the guest.
 */

const [, , GUEST = '', CLIENT = '', PORT = '80', FLOOD = '0'] = process.argv;
const port = Number(PORT);

const server = createServer((socket) => socket.resume().on('error', () => undefined));
server.listen(port, GUEST);
await once(server, 'listening');

let open: Socket | null = null;

async function end(): Promise<void> {
  if (open === null) return;
  open.end();
  await once(open, 'close');
  open = null;
}

async function renew(): Promise<void> {
  const next = connect({ host: GUEST, port, localAddress: CLIENT });
  await once(next, 'connect');
  await end();
  open = next.resume();
}

async function flood(): Promise<void> {
  const socket = createSocket('udp4').on('error', () => undefined);
  for (let to = 1; to <= Number(FLOOD); to++) {
    await new Promise<void>((sent) => socket.send('x', to, '127.0.0.1', () => sent()));
  }
  socket.close();
}

const words: Record<string, () => Promise<void>> = { renew, end, flood };
process.stdout.write('there\n');
for await (const line of createInterface({ input: process.stdin })) {
  await words[line]?.();
  process.stdout.write(`${line}\n`);
}
process.exit(0);
