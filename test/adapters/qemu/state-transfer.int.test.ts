import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sendState } from '../../../src/adapters/qemu/snapshots/state-transfer.ts';

const LIMIT_MS = 5_000;
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
