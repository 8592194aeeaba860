import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { receiveState, sendState } from '../../../src/adapters/qemu/snapshots/state-transfer.ts';

const clock = systemClock();
const LIMIT_MS = 30_000;
/** More than sockets keep for somebody who does not read. */
const STATE = Buffer.alloc(8 * 1024 * 1024);

let directory = '';
const sources: Socket[] = [];
const server = createServer({ pauseOnConnect: true }, (source) => sources.push(source));
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-state-'));
  await new Promise<void>((resolve) => server.listen(join(directory, 'loading.sock'), resolve));
});
afterEach(() => {
  for (const source of sources.splice(0)) source.destroy();
  server.close();
  rmSync(directory, { recursive: true, force: true });
});

test('a state that a VMM does not take is waited for until the time is up, and not at all after that', {
  timeout: LIMIT_MS,
}, async () => {
  const over = new AbortController();
  const sent = sendState(directory, STATE, over.signal);
  over.abort();
  await sent;
  await sendState(directory, STATE, over.signal);
  expect(sources.length).toBeLessThanOrEqual(1);
});

test('a state that is given up while its VMM is told to send it is a failure of that save, and of nothing else', {
  timeout: LIMIT_MS,
}, async () => {
  const over = new AbortController();
  const path = join(directory, 'state');
  const begin = async (): Promise<void> => {
    over.abort();
    // Long enough for a rejection that nobody heeds to end the process.
    for (let turns = 0; turns < 2; turns++) await clock.turn();
  };
  const received = receiveState(directory, path, begin, over.signal);
  await expect(received).rejects.toThrow('given up');
  let isTold = false;
  const late = receiveState(
    directory,
    path,
    async () => {
      isTold = true;
    },
    over.signal,
  );
  await expect(late).rejects.toThrow('given up');
  expect(isTold, 'a VMM is told nothing that is not wanted any more').toBe(false);
  expect(readdirSync(directory)).toEqual(['loading.sock']);
});
