import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BODY_MAX_BYTES, HEAD_MAX_BYTES } from '../../../src/adapters/probes/http-prober.ts';
import { until } from '../../contracts/prober.world.ts';
import { type Clocked, withGuest } from './asked-over-http.ts';
import { startGuestServer } from './guest-server.ts';

/** Everything that answers at a guest's port and is not a well-behaved web server. */

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const PASSED = { result: 'passed' };
const LIMIT_MS = 30_000;
const failed = (error: string) => ({ result: 'failed', error });

/** Writes the same again and again for as long as somebody takes it. */
function endlessly(socket: Socket, text: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on('drain', more);
  more();
}

describe('an answer that is none', () => {
  it.each<[string, (socket: Socket) => void, string]>([
    ['the connection is closed', (socket) => socket.end(), 'the connection was closed before an answer (ECONNRESET)'],
    [
      'the connection is reset',
      (socket) => socket.resetAndDestroy(),
      'the connection was closed before an answer (ECONNRESET)',
    ],
    [
      'the connection is reset in the middle of the head',
      (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-', () => socket.resetAndDestroy()),
      'the connection was closed before an answer (ECONNRESET)',
    ],
    [
      'another protocol',
      (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'),
      'the answer is not HTTP (HPE_INVALID_CONSTANT)',
    ],
    [
      'bytes without any sense',
      (socket) => socket.write(Buffer.alloc(512, 0xff)),
      'the answer is not HTTP (HPE_INVALID_CONSTANT)',
    ],
    [
      'a version that there is not',
      (socket) => socket.write('HTTP/7.7 200 OK\r\n\r\n'),
      'the answer is not HTTP (HPE_INVALID_VERSION)',
    ],
    [
      'a status line without an end',
      (socket) =>
        endlessly(
          socket.on('error', () => undefined),
          `HTTP/1.1 200 ${'O'.repeat(HEAD_MAX_BYTES)}`,
        ),
      'the head of the answer is too large (HPE_HEADER_OVERFLOW)',
    ],
    [
      'headers without an end',
      (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        endlessly(socket, 'X-More: and more\r\n');
      },
      'the head of the answer is too large (HPE_HEADER_OVERFLOW)',
    ],
  ])('fails: %s', async (_what, does, error) => {
    await withGuest({ does }, async ({ ask }) => expect(await ask()).toEqual(failed(error)));
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ['nothing', () => undefined, 'no status in time'],
    ['half a status line', (socket) => socket.write('HTTP/1.1 2'), 'no status in time'],
    ['headers that stop', (socket) => socket.write('HTTP/1.1 200 OK\r\nServer: slow\r\n'), 'no status in time'],
    ['only that it goes on', (socket) => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 'no status in time'],
  ])('fails when the time is up, and not before: %s', async (_what, does, error) => {
    await withGuest({ does }, async ({ askUntilLate }) => expect(await askUntilLate()).toEqual(failed(error)));
  });

  it('fails when so much came before a status that none can be waited for', async () => {
    for (const text of ['HTTP/1.1 100 Continue\r\n\r\n'.repeat(100), '\r\n'.repeat(1_000)]) {
      const does = (socket: Socket): void => endlessly(socket, text);
      await withGuest({ does }, async ({ ask }) => expect(await ask()).toEqual(failed('no status in all that came')));
    }
  });
});

describe('any bytes', () => {
  /** Pieces of answers, in any order, between bytes of any kind. */
  const piece = fc.oneof(
    fc.constantFrom(
      'HTTP/1.1 ',
      '200',
      ' OK',
      '\r\n',
      '\n',
      'Content-Length: 5\r\n',
      'Transfer-Encoding: chunked\r\n',
      '0\r\n\r\n',
    ),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  const answers = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

  it('are answered for, in words of ours, and pass only as an answer with the status that is expected', async () => {
    let answer = '';
    await withGuest({ does: (socket) => socket.end(answer) }, async ({ ask, server }) => {
      await fc.assert(
        fc.asyncProperty(answers, async (bytes) => {
          answer = bytes;
          const said = await ask();
          if (said.result === 'passed') expect(bytes).toMatch(/^[\r\n]*HTTP\/1\.1 200/);
          else expect(said.error).toMatch(/^(the |expected status 200, got \d{3}$)[ -~]*$/);
        }),
        { numRuns: 300 },
      );
      expect(await until(() => server.open() === 0, LIMIT_MS)).toBe(true);
    });
  });
});

describe('a status', () => {
  it.each<[string, string, number]>([
    ['204, which has no body', 'HTTP/1.1 204 No Content\r\n\r\n', 204],
    ['without a length', 'HTTP/1.0 200 OK\r\n\r\nas much as there is', 200],
    ['after interim ones', `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n${OK}`, 200],
    ['101, which is final', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n', 101],
    ['with more behind it than belongs to it', `${OK}${OK}and more`, 200],
  ])('counts: %s', async (_what, answer, expected_status) => {
    await withGuest({ does: (socket) => socket.end(answer) }, async ({ ask }) => {
      expect(await ask({ expected_status })).toEqual(PASSED);
      const other = expected_status === 200 ? 500 : 200;
      expect(await ask({ expected_status: other })).toEqual(failed(`expected status ${other}, got ${expected_status}`));
    });
  });

  it('counts when it comes byte by byte, within the time', async () => {
    const does = (socket: Socket, _heard: string, clock: Clocked): void => {
      const [first = '', ...rest] = OK;
      const write = (byte: string): void => {
        socket.write(byte);
        const next = rest.shift();
        if (next !== undefined) clock.after(1, () => write(next));
      };
      write(first);
    };
    await withGuest({ does }, async ({ ask }, clock) => {
      let isAnswered = false;
      const answer = ask().finally(() => {
        isAnswered = true;
      });
      for (let ms = 0; ms < OK.length && !isAnswered; ms++) {
        await clock.advance(1);
        await clock.settle();
      }
      expect(await answer).toEqual(PASSED);
    });
  });

  it('counts when the body has no end, of which little more is read than is allowed', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
    const chunk = `400\r\n${'x'.repeat(1_024)}\r\n`;
    const does = (socket: Socket): void => {
      socket.write(head);
      endlessly(socket, chunk);
    };
    await withGuest({ does }, async ({ ask, server }) => {
      expect(await ask()).toEqual(PASSED);
      expect(await until(() => server.open() === 0, LIMIT_MS)).toBe(true);
    });
  });

  it('counts when the body stops, once the time is up', async () => {
    const does = (socket: Socket): unknown => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nno more');
    await withGuest({ does }, async ({ askUntilLate }) => expect(await askUntilLate()).toEqual(PASSED));
  });

  it('counts when the connection is reset in the middle of the body', async () => {
    const does = (socket: Socket): unknown =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nno', () => socket.resetAndDestroy());
    await withGuest({ does }, async ({ ask }) => expect(await ask()).toEqual(PASSED));
  });

  it('of a redirect is the 3xx: nobody is asked at the other place', async () => {
    const elsewhere = await startGuestServer({ does: (socket) => socket.end(OK) });
    const redirect = `HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:${elsewhere.port}/\r\nContent-Length: 0\r\n\r\n`;
    await withGuest({ does: (socket) => socket.end(redirect) }, async ({ ask }) => {
      expect(await ask()).toEqual(failed('expected status 200, got 301'));
      expect(await ask({ expected_status: 301 })).toEqual(PASSED);
      expect(elsewhere.asked()).toBe(0);
    });
    await elsewhere.close();
  });

  it('lets the workload say the whole of a short body before the connection is closed', async () => {
    const ends: boolean[] = [];
    const does = (socket: Socket): void => {
      socket.on('close', (hadError) => ends.push(hadError));
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY_MAX_BYTES}\r\n\r\n${'x'.repeat(BODY_MAX_BYTES)}`);
    };
    await withGuest({ does }, async ({ ask }) => {
      expect(await ask()).toEqual(PASSED);
      expect(await until(() => ends.length === 1, LIMIT_MS)).toBe(true);
      expect(ends).toEqual([false]);
    });
  });
});
