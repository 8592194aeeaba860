import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** Inside a network namespace, a guest's address that listens and a client of it: told `open` or `close`, says when it was done. */
const [, , address = ''] = process.argv;
const say = (at: number): void => void process.stdout.write(`${at}\n`);
/** Wall clock with fractions of a millisecond: the same in every process of the machine. */
const now = (): number => performance.timeOrigin + performance.now();

const server = createServer((socket) => socket.resume().on('error', () => undefined));
server.listen(0, address);
await once(server, 'listening');
const listening = server.address();
if (listening === null || typeof listening === 'string') throw new Error('no port');
const { port } = listening;
say(now());

let client: Socket | undefined;
for await (const word of createInterface({ input: process.stdin })) {
  if (word === 'open') {
    client = connect({ host: address, port }).resume();
    await once(client, 'connect');
    say(now());
  } else if (client !== undefined) {
    const at = now();
    client.end();
    await once(client, 'close');
    say(at);
  }
}
process.exit(0);
