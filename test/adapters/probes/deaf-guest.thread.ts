import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** Listens and then does nothing more at all, like a guest that hangs: what connects is taken by its kernel alone. */
const { host, port, backlog } = workerData as {
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
};
const server = createServer().listen({ port, host, backlog });
await once(server, 'listening');
parentPort!.postMessage((server.address() as AddressInfo).port);
// The message leaves before the thread stops to turn.
await new Promise((resolve) => parentPort!.once('message', resolve));
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
