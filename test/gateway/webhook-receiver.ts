import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Notice } from '../../src/gateway/webhooks/notice.ts';

/** What a receiver of webhooks got, as far as it could verify it. */
export interface Received {
  readonly notice: Notice;
  readonly type: string | undefined;
  readonly delivery: string | undefined;
  /** Seconds, from the signature. */
  readonly signedAt: number;
  readonly isGenuine: boolean;
}

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** Answers the next requests so; the rest get 200. `hang` never answers. */
  answerNext(...how: readonly (number | 'hang')[]): void;
  /** Stops listening; `listen` takes the same port again. */
  close(): Promise<void>;
  listen(): Promise<void>;
}

export async function startReceiver(secret: () => string): Promise<Receiver> {
  const received: Received[] = [];
  let answers: (number | 'hang')[] = [];
  const server = createServer((request, response) => void take(request, response));
  let port = 0;

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString('utf8');
    received.push(read(request, body, secret()));
    const how = answers.shift() ?? 200;
    if (how === 'hang') return;
    response.writeHead(how, how === 307 ? { Location: '/elsewhere' } : {});
    response.end('x'.repeat(100_000));
  }

  const listen = (): Promise<void> =>
    new Promise((resolve) => {
      server.listen(port, '127.0.0.1', () => {
        ({ port } = server.address() as AddressInfo);
        resolve();
      });
    });
  await listen();
  return {
    url: `http://127.0.0.1:${port}/hook?token=hidden`,
    received,
    answerNext: (...how) => {
      answers = [...how];
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    listen,
  };
}

/** As docs/how-to/webhooks.md tells a receiver to do it. */
function read({ headers }: IncomingMessage, body: string, secret: string): Received {
  const [, t = '', v1 = ''] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['statevisor-signature'])) ?? [];
  const expected = createHmac('sha256', secret).update(`${t}.${body}`).digest();
  const given = Buffer.from(v1, 'hex');
  return {
    notice: JSON.parse(body) as Notice,
    type: headers['statevisor-event'] as string | undefined,
    delivery: headers['statevisor-delivery'] as string | undefined,
    signedAt: Number(t),
    isGenuine: given.length === expected.length && timingSafeEqual(given, expected),
  };
}
