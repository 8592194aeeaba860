/**
 * Goal: the daemon lives with a NATS server that is not there, goes away or stands still, and says which of them it is.
 * Method: a real nats-server, ended, started and stopped by signals.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../src/actors/clock.ts';
import { Closers } from '../../src/cli/daemon/closers.ts';
import { createNatsLink, type NatsLink, PONG_LIMIT_MS } from '../../src/cli/daemon/nats-link.ts';
import { openNats } from '../../src/cli/daemon/open-nats.ts';
import { within } from '../contracts/log-check.ts';
import { type NatsServer, startNatsServer } from '../gateway/nats-door.ts';
import { until } from './daemon-process.ts';

const LIMIT_MS = 30_000;
/** For a server that is to be found standing still: one that goes on answers sooner, also on a busy machine. */
const SHORT_PONG_LIMIT_MS = 2_000;
const clock = systemClock();
let server: NatsServer;
let told: string[];
let serving: number;
const links: NatsLink[] = [];

beforeEach(async () => {
  server = await startNatsServer('jetstream { store_dir: "DIRECTORY/jetstream" }');
  told = [];
  serving = 0;
});
afterEach(async () => {
  for (const link of links.splice(0)) await link.close();
  expect(serving).toBe(0);
  await server.stop();
});

function open({ doorsThatFail = 0, pongLimitMs = PONG_LIMIT_MS } = {}): NatsLink {
  let failing = doorsThatFail;
  const link = createNatsLink({
    address: () => new URL(server.url),
    clock,
    tell: (line) => told.push(line),
    serve: async () => {
      if (failing-- > 0) throw new Error('no door');
      serving += 1;
      return {
        close: async () => {
          serving -= 1;
        },
      };
    },
    pongLimitMs,
  });
  links.push(link);
  return link;
}

const reached = (link: NatsLink, state: string): Promise<unknown> =>
  until(
    () => link.status().state,
    (seen) => seen === state,
    LIMIT_MS,
  );

test('a server that is there is connected to without a word', async () => {
  const link = open();
  await link.attempted;
  expect(link.status()).toMatchObject({ state: 'connected', reconnects: 0, jetstream: true, last_error: null });
  expect(link.connection()).not.toBeNull();
  expect(told).toEqual([]);
});

test('a server that is down at the start is told in one line and connected to when it comes', async () => {
  await server.end();
  const link = open();
  await link.attempted;
  expect(link.status()).toMatchObject({ state: 'connecting', jetstream: null });
  expect(link.connection()).toBeNull();
  await server.start();
  await reached(link, 'connected');
  expect(told).toEqual([
    expect.stringMatching(/^NATS: no connection \(.+\); everything else goes on/),
    'NATS: connected.',
  ]);
  expect(serving).toBe(1);
});

test('the person who starts a daemon is told where there is no server, without the password', async () => {
  await server.end();
  const said: string[] = [];
  const closers = new Closers(clock, () => {});
  const named = new URL(server.url);
  named.username = 'ada';
  named.password = 'hidden';
  const opened = await openNats({
    nats: named.href,
    server: null,
    directory: '',
    clock,
    random: systemRandom(),
    closers,
    say: (line) => said.push(line),
    tell: () => {},
    serve: async () => ({ close: async () => {} }),
  });
  expect(said).toEqual([expect.stringContaining(`NATS: ${server.url} is not there`)]);
  expect(JSON.stringify([said, opened?.status()])).not.toContain('hidden');
  await server.start();
  await reached(opened!.link, 'connected');
  await closers.closeAll();
});

test('a connection that is lost is told, and found again when the server is back', async () => {
  const link = open();
  await link.attempted;
  await server.end('SIGKILL');
  await reached(link, 'disconnected');
  expect(link.connection()).toBeNull();
  await server.start();
  await reached(link, 'connected');
  expect(link.status().reconnects).toBe(1);
  expect(told).toEqual(['NATS: the connection is lost; everything else goes on.', 'NATS: connected again.']);
});

test('a server that stands still is told and left alone, and goes on where it was', async () => {
  const link = open({ pongLimitMs: SHORT_PONG_LIMIT_MS });
  await link.attempted;
  server.signal('SIGSTOP');
  await reached(link, 'not_answering');
  expect(link.connection()).toBeNull();
  server.signal('SIGCONT');
  await reached(link, 'connected');
  expect(told).toEqual(['NATS: the server does not answer; everything else goes on.', 'NATS: connected again.']);
});

test('a door that cannot be opened is opened on the next connection', async () => {
  const link = open({ doorsThatFail: 1 });
  await reached(link, 'connected');
  expect(link.status().last_error).toBe('no door');
  expect(serving).toBe(1);
});

test('closing takes at most a moment, whether the server answers, stands still or never was', async () => {
  const answering = open();
  const still = open({ pongLimitMs: SHORT_PONG_LIMIT_MS });
  await Promise.all([answering.attempted, still.attempted]);
  await answering.close();
  server.signal('SIGSTOP');
  await reached(still, 'not_answering');
  const never = open();
  // A server that stands still for good answers no goodbye: whoever waited for it would wait for ever.
  await within('the end of both', Promise.all([still.close(), never.close()]), LIMIT_MS);
  for (const link of links) expect(link.status().state).toBe('closed');
});
