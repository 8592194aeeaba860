import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** A port on loopback that notes the address of whoever asks, and ends each connection with the same words. */
export interface AskedPort {
  readonly port: number;
  readonly seen: (string | undefined)[];
  close(): void;
}

export async function openAskedPort(answer: string): Promise<AskedPort> {
  const seen: (string | undefined)[] = [];
  const server = createServer((socket) => {
    seen.push(socket.remoteAddress);
    socket.on('error', () => undefined);
    socket.end(answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, seen, close: () => void server.close() };
}
