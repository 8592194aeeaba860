import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { openQmp, QMP_LINE_MAX_BYTES, type QmpConnection, type QmpEvent } from '../../../src/adapters/qemu/qmp.ts';

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\n';
const LIMIT_MS = 30_000;
const SHORT_MS = 50;
const servers: Server[] = [];
const sockets: Socket[] = [];
const directories: string[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A monitor that greets as told and hands each command to `answer`; what that returns is sent. */
async function monitor(
  greeting: string,
  answer: (command: { execute: string; id: number }) => string,
): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-qmp-'));
  directories.push(directory);
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => socket.destroy());
    socket.write(greeting);
    socket.on('data', (chunk) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) socket.write(answer(JSON.parse(line)));
    });
  });
  servers.push(server);
  const path = join(directory, 'qmp.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

const accept = (command: { execute: string; id: number }): string => `{"return": {}, "id": ${command.id}}\n`;

interface Opened {
  readonly connection: QmpConnection;
  readonly events: QmpEvent[];
  readonly closed: Promise<void>;
}

async function open(path: string, greetingLimitMs = LIMIT_MS): Promise<Opened> {
  const events: QmpEvent[] = [];
  const closed = Promise.withResolvers<void>();
  const onEvent = (event: QmpEvent): number => events.push(event);
  const connection = await openQmp(path, { clock: systemClock(), greetingLimitMs, onEvent, onClose: closed.resolve });
  return { connection, events, closed: closed.promise };
}

describe('a monitor connection', () => {
  it('matches answers to commands by id, whatever order they and events come in', async () => {
    const held: number[] = [];
    const path = await monitor(GREETING, (command) => {
      if (command.execute === 'qmp_capabilities') return accept(command);
      held.push(command.id);
      if (held.length < 2) return '';
      const event = '{"timestamp": {"seconds": 2, "microseconds": 5000}, "event": "STOP"}\n';
      return `{"return": "second", "id": ${held[1]}}\n${event}{"return": "first", "id": ${held[0]}}\n`;
    });
    const { connection, events } = await open(path);
    const answers = Promise.all([connection.execute('one', LIMIT_MS), connection.execute('two', LIMIT_MS)]);
    expect(await answers).toEqual(['first', 'second']);
    expect(events).toEqual([{ name: 'STOP', data: {}, at: 2005 }]);
    connection.close();
  });

  it('tells a refused command with the words of QEMU', async () => {
    const path = await monitor(GREETING, (command) => {
      if (command.execute === 'qmp_capabilities') return accept(command);
      return `{"id": ${command.id}, "error": {"class": "CommandNotFound", "desc": "no such command"}}\n`;
    });
    const { connection } = await open(path);
    await expect(connection.execute('nope', LIMIT_MS)).rejects.toMatchObject({
      code: 'qmp_refused',
      message: 'no such command',
    });
    connection.close();
  });

  it('fails within its limit when nobody greets, and when nobody listens', async () => {
    const silent = await monitor('', accept);
    await expect(open(silent, SHORT_MS)).rejects.toMatchObject({ code: 'timed_out' });
    await expect(open(`${silent}.missing`)).rejects.toMatchObject({ code: 'qmp_unreachable' });
  });

  it('rejects what is pending and what comes later once it has ended', async () => {
    const path = await monitor(GREETING, (command) => (command.execute === 'qmp_capabilities' ? accept(command) : ''));
    const { connection, closed } = await open(path);
    const pending = connection.execute('stop', LIMIT_MS);
    sockets[0]?.destroy();
    await expect(pending).rejects.toMatchObject({ code: 'qmp_closed' });
    await closed;
    await expect(connection.execute('cont', LIMIT_MS)).rejects.toMatchObject({ code: 'qmp_closed' });
  });

  it('gives up on one command that is not answered, and goes on', async () => {
    const path = await monitor(GREETING, (command) => (command.execute === 'stop' ? '' : accept(command)));
    const { connection } = await open(path);
    await expect(connection.execute('stop', SHORT_MS)).rejects.toMatchObject({ code: 'timed_out' });
    expect(await connection.execute('cont', LIMIT_MS)).toEqual({});
    connection.close();
  });

  it('ends rather than keep a line without end', async () => {
    const flood = 'x'.repeat(QMP_LINE_MAX_BYTES + 1);
    const path = await monitor(GREETING, (command) => (command.execute === 'stop' ? flood : accept(command)));
    const { connection, closed } = await open(path);
    await expect(connection.execute('stop', LIMIT_MS)).rejects.toMatchObject({ code: 'qmp_closed' });
    await closed;
  });
});
