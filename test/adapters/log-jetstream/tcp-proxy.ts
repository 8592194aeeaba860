import { once } from 'node:events';
import { createServer, connect as dial, type Socket } from 'node:net';

/** Stands between a client and a server, and loses or holds back what passes, as a network does. */
export interface TcpProxy {
  readonly url: string;
  /** What the server answers from now on is lost; what the client sends arrives. */
  loseAnswers(): void;
  /** Nothing passes in either direction, and nobody is told. */
  freeze(): void;
  /** Everything passes again, also what was held back; what was lost is lost. */
  thaw(): void;
  /** Cuts every connection; new ones are taken. */
  cut(): void;
  close(): Promise<void>;
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const pairs = new Set<readonly [Socket, Socket]>();
  let losing = false;
  let frozen = false;
  const server = createServer((client) => {
    const upstream = dial(Number(port), hostname);
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const drop = (): void => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) socket.on('error', drop).on('close', drop);
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (!losing) client.write(bytes);
    });
    if (frozen) for (const socket of pair) socket.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    url: `nats://127.0.0.1:${address.port}`,
    loseAnswers: () => {
      losing = true;
    },
    freeze: () => {
      frozen = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    thaw: () => {
      losing = false;
      frozen = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    cut: () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
    },
    close: async () => {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
