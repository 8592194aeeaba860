import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The workload of the guests that are asked: a process of its own, whose processor time is not counted. */
const BACKLOG = 2_048;
const server = createServer((_request, response) => response.end('ok'));
server.listen({ port: 0, host: '127.0.0.1', backlog: BACKLOG }, () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.on('end', () => process.exit(0)).resume();
