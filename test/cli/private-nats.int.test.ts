/**
 * Goal: the daemon's own nats-server is there whatever happens to it, and is always the same to its clients. Method: a real
 * nats-server in a directory of the test's own, ended in every way.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../src/actors/clock.ts';
import { hostProcesses, parseStat } from '../../src/actors/contracts/process-identity.ts';
import { type PrivateNats, startPrivateNats } from '../../src/cli/daemon/private-nats.ts';
import { until } from './daemon-process.ts';

const LIMIT_MS = 30_000;
const { PATH } = process.env;
let directory: string;
let told: string[];
const opened: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-private-nats-'));
  told = [];
});
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
  process.env.PATH = PATH;
  rmSync(directory, { recursive: true, force: true });
});

async function start(): Promise<PrivateNats> {
  const tell = (line: string): void => void told.push(line);
  const server = await startPrivateNats({ directory, clock: systemClock(), random: systemRandom(), tell });
  if (server === null) throw new Error('There is no nats-server on this machine.');
  opened.push(() => server.stop());
  return server;
}

async function client(server: PrivateNats): Promise<NatsConnection> {
  const { user, password: pass } = server;
  const connection = await connect({ servers: server.server()!, user, pass, noAsyncTraces: true });
  opened.push(() => connection.close());
  return connection;
}

test('killed, it is started again: same port, same credentials, same streams', async () => {
  const server = await start();
  const { pid } = server.status();
  const before = await client(server);
  await (await jetstreamManager(before)).streams.add({ name: 'kept', subjects: ['kept'] });
  await jetstream(before).publish('kept', 'still here');
  const address = server.server();
  process.kill(pid!, 'SIGKILL');
  await until(
    () => server.status(),
    ({ restarts }) => restarts === 1,
    LIMIT_MS,
  );
  expect(server.server()).toBe(address);
  expect(server.status().pid).not.toBe(pid);
  const after = await jetstreamManager(await client(server));
  expect((await after.streams.getMessage('kept', { seq: 1 }))?.string()).toBe('still here');
  expect(told).toEqual(['The private nats-server ended; it is started again in 100 ms.']);
});

test('the next daemon adopts one that runs, and is known to its clients as before if it does not', async () => {
  const first = await start();
  const second = await start();
  expect(second.status().pid).toBe(first.status().pid);
  await second.stop();
  await first.stop();
  const third = await start();
  expect(third.status().pid).not.toBe(first.status().pid);
  expect([third.server(), third.password]).toEqual([first.server(), first.password]);
});

test('a port that somebody else has taken meanwhile is given up for another one at the start', async () => {
  const first = await start();
  await first.stop();
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(Number(new URL(first.server()!).port), '127.0.0.1', resolve));
  opened.push(() => new Promise((resolve) => squatter.close(resolve)));
  const second = await start();
  expect(second.server()).not.toBe(first.server());
  await client(second);
});

test('one that cannot be started is tried again, ever more slowly, and nobody waits for it', async () => {
  const programs = join(directory, 'programs');
  mkdirSync(programs);
  writeFileSync(join(programs, 'nats-server'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  process.env.PATH = `${programs}:${PATH}`;
  const server = await start();
  expect(server.server()).toBeNull();
  await until(
    () => told.length,
    (lines) => lines >= 3,
    LIMIT_MS,
  );
  expect(told.slice(0, 3).map((line) => /could not be started .* in (\d+) ms/.exec(line)?.[1])).toEqual([
    '100',
    '200',
    '400',
  ]);
  expect(server.status()).toMatchObject({ pid: null, restarts: 0, last_error: expect.stringContaining('server.log') });
  process.env.PATH = PATH;
  await until(
    () => server.server(),
    (address) => address !== null,
    LIMIT_MS,
  );
  await client(server);
});

test('one that a killed daemon had only begun to start is ended, and another one takes its place', async () => {
  const begun = spawn('sleep', ['600'], { stdio: 'ignore' });
  const ended = once(begun, 'exit');
  const { startTicks } = parseStat(hostProcesses.stat(begun.pid!)!)!;
  const identity = { pid: begun.pid, startTicks, bootId: hostProcesses.bootId(), server: null };
  writeFileSync(join(directory, 'server.identity'), JSON.stringify(identity));
  const server = await start();
  expect(await ended).toEqual([null, 'SIGKILL']);
  await client(server);
});

test('only its user may come in, and what holds the password is for the owner only', async () => {
  const server = await start();
  await expect(connect({ servers: server.server()!, timeout: 2_000 })).rejects.toThrow();
  for (const file of ['password', 'server.conf', 'server.identity', 'server.log']) {
    expect(`${file} ${(statSync(join(directory, file)).mode & 0o777).toString(8)}`).toBe(`${file} 600`);
  }
});
