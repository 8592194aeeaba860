import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { udpEcho } from '../../../src/adapters/qemu/image/udp-echo.ts';
import { until } from '../../cli/daemon-process.ts';

/** The demo guest's own program, run on this machine. */

const LIMIT_MS = 10_000;
const ANSWER_LIMIT_MS = 200;
const LONGEST = 1472;

async function freePort(): Promise<number> {
  const socket = createSocket('udp6').bind(0);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** What comes back for a datagram; null when nothing does in time. */
async function answerTo(sent: Buffer, port: number, address: '127.0.0.1' | '::1'): Promise<Buffer | null> {
  const socket = createSocket(address === '::1' ? 'udp6' : 'udp4');
  try {
    // Refused is an answer too: the program may not be there yet.
    const [answer] = await new Promise<[Buffer | null]>((resolve) => {
      socket.once('message', (message) => resolve([message]));
      socket.once('error', () => resolve([null]));
      socket.connect(port, address, () => socket.send(sent));
      AbortSignal.timeout(ANSWER_LIMIT_MS).onabort = () => resolve([null]);
    });
    return answer;
  } finally {
    socket.close();
  }
}

describe('the program that answers datagrams in the demo guest', () => {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-udp-'));
  let program: ChildProcess;
  let port = 0;

  beforeAll(async () => {
    port = await freePort();
    const file = join(directory, 'udp-echo');
    writeFileSync(file, udpEcho(port), { mode: 0o755 });
    program = spawn(file, { stdio: 'ignore' });
    await until(
      () => answerTo(Buffer.from('there?'), port, '127.0.0.1'),
      (answer) => answer !== null,
      LIMIT_MS,
    );
  });
  afterAll(async () => {
    program.kill();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each(['127.0.0.1', '::1'] as const)(
    'sends back what comes from %s, also nothing at all and the longest',
    async (from) => {
      for (const sent of [Buffer.from('hello'), Buffer.alloc(0), Buffer.alloc(LONGEST, 'x')]) {
        expect(
          await until(
            () => answerTo(sent, port, from),
            (answer) => answer !== null,
            LIMIT_MS,
          ),
        ).toEqual(sent);
      }
      expect(program.exitCode).toBeNull();
    },
  );

  it('ends when its port is taken, so that it is started again', async () => {
    const second = spawn(join(directory, 'udp-echo'), { stdio: 'ignore' });
    expect(await once(second, 'exit')).toEqual([1, null]);
  });
});
