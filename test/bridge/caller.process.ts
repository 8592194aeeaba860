import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/actors/clock.ts';
import type { Endpoints } from '../../src/cli/data-directory.ts';
import type { CallerRequest } from './caller.ts';

/**
 * Somebody inside a network namespace who asks the daemon, talks to guests and is talked to by them. Told by lines of
 * JSON, each of which is answered by one.
 */

const TRY_AGAIN_MS = 50;
const DATAGRAM_EVERY_MS = 200;

const clock = systemClock();
const [, , ENDPOINTS = ''] = process.argv;
const ends = new Map<string, () => Promise<void>>();
let heardAt: number | null = null;

async function askDaemon({ path, method = 'GET', body }: Extract<CallerRequest, { do: 'ask' }>): Promise<unknown> {
  const { http, token_file } = JSON.parse(readFileSync(ENDPOINTS, 'utf8')) as Endpoints;
  const headers = { authorization: `Bearer ${readFileSync(token_file, 'utf8').trim()}` };
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const text = body === undefined ? null : JSON.stringify(body);
  const response = await fetch(`${http}${path}`, { method, body: text, headers: { ...headers, ...json } });
  const answer = (await response.json()) as unknown;
  if (!response.ok) throw new Error(JSON.stringify(answer));
  return answer;
}

/** Tries until somebody accepts; where nobody listens yet that is refused at once. */
async function connected(host: string, port: number): Promise<Socket> {
  for (;;) {
    const socket = connect({ host, port, allowHalfOpen: true });
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    if (isOpen) return socket.on('error', () => undefined).resume();
    socket.destroy();
    await clock.sleep(TRY_AGAIN_MS);
  }
}

async function open(name: string, host: string, port: number): Promise<void> {
  const socket = await connected(host, port);
  ends.set(name, async () => {
    socket.end();
    await once(socket, 'close');
  });
}

/** Asks for a page: the other side has then said all it will, and its half of the connection is closed. */
async function halfOpen(name: string, host: string): Promise<void> {
  const socket = await connected(host, 80);
  const answered = once(socket, 'end');
  socket.write('GET /health HTTP/1.0\r\n\r\n');
  await answered;
  ends.set(name, async () => {
    socket.end();
    await once(socket, 'close');
  });
}

/** Sends datagrams until ended; answered once something has come back. */
async function sendDatagrams(name: string, host: string, port: number): Promise<void> {
  const socket = createSocket('udp4').on('error', () => undefined);
  let isEnded = false;
  const answered = once(socket, 'message');
  const sending = (async () => {
    while (!isEnded) {
      socket.send('hello', port, host);
      await clock.sleep(DATAGRAM_EVERY_MS);
    }
    socket.close();
  })();
  ends.set(name, () => {
    isEnded = true;
    return sending;
  });
  await answered;
}

/** Whoever connects is sent something again and again, for as long as they stay; when they last said something is kept. */
async function listen(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket
      .on('error', () => undefined)
      .on('data', () => {
        heardAt = clock.now();
      });
    void (async () => {
      while (!socket.destroyed) {
        socket.write('.');
        await clock.sleep(DATAGRAM_EVERY_MS);
      }
    })();
  });
  server.listen(port);
  await once(server, 'listening');
}

async function done(request: CallerRequest): Promise<unknown> {
  switch (request.do) {
    case 'ask':
      return askDaemon(request);
    case 'open':
      return open(request.name, request.host, request.port);
    case 'half_open':
      return halfOpen(request.name, request.host);
    case 'send_datagrams':
      return sendDatagrams(request.name, request.host, request.port);
    case 'end':
      return ends.get(request.name)?.();
    case 'listen':
      return listen(request.port);
    case 'heard_at':
      return heardAt;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { number, request } = JSON.parse(line) as { number: number; request: CallerRequest };
  void done(request).then(
    (answer) => process.stdout.write(`${JSON.stringify({ number, answer: answer ?? null })}\n`),
    (error: unknown) => process.stdout.write(`${JSON.stringify({ number, error: String(error) })}\n`),
  );
}
process.exit(0);
