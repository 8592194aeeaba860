import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * Guests that listen and a client of each, inside a network namespace. Told by lines: `open` opens a connection to every
 * guest, `close ADDRESS` closes one. Each is answered by a line; a close with the instant (ns of the machine's monotonic
 * clock) right before it.
 */

const [, , client = '', port = '', ...guests] = process.argv;
const open = new Map<string, Socket>();

for (const host of guests) {
  const server = createServer((socket) => socket.resume().on('error', () => {}));
  server.listen(Number(port), host);
  await once(server, 'listening');
}
process.stdout.write('there\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [word, address = ''] = line.split(' ');
  if (word === 'open') {
    for (const host of guests) {
      const socket = connect({ host, port: Number(port), localAddress: client });
      await once(socket, 'connect');
      open.set(host, socket.resume());
    }
    process.stdout.write('open\n');
  } else {
    const socket = open.get(address);
    const at = process.hrtime.bigint();
    socket?.end();
    if (socket !== undefined) await once(socket, 'close');
    process.stdout.write(`${at}\n`);
  }
}
process.exit(0);
