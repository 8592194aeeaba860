import { describe, expect, it } from 'vitest';
import { createHttpProber } from '../../../src/adapters/probes/http-prober.ts';
import { checkOf, wanted } from '../../contracts/prober.world.ts';
import { withGuest } from './asked-over-http.ts';
import { freePort, UNREACHABLE } from './guest-server.ts';
import { simulatedTime } from './prober-worlds.ts';

const does = (socket: { end(text: string): unknown }): unknown => socket.end('HTTP/1.1 200 OK\r\n\r\n');

describe('what a workload is asked', () => {
  it('is one GET with the name and version of this program, over a connection of its own', async () => {
    await withGuest({ does }, async ({ ask, server }) => {
      await ask({ path: '/health' });
      expect(server.heard().split('\r\n')).toEqual([
        'GET /health HTTP/1.1',
        `Host: 127.0.0.1:${server.port}`,
        'User-Agent: statevisor-probe/1.2.3',
        'Accept: */*',
        'Connection: close',
        '',
        '',
      ]);
      await ask();
      expect(server.asked()).toBe(2);
    });
  });

  it.each([
    ['/ready?deep=1&x=%2F&y=a+b', '/ready?deep=1&x=%2F&y=a+b'],
    ['//two?q=?', '//two?q=?'],
    ['/it\'s[fine]|?a="b"', '/it\'s[fine]|?a="b"'],
    ['/with space#part', '/with%20space%23part'],
    ['/größe?q=é', '/gr%C3%B6%C3%9Fe?q=%C3%A9'],
    ['/line\r\nHost: elsewhere', '/line%0D%0AHost:%20elsewhere'],
    ['/half\ud800', '/half%EF%BF%BD'],
  ])(
    'is the path as it was written, with its query, and escaped only where it could not be sent: %j',
    async (path, sent) => {
      await withGuest({ does }, async ({ ask, server }) => {
        expect(await ask({ path })).toEqual({ result: 'passed' });
        expect(server.heard().split('\r\n')[0]).toBe(`GET ${sent} HTTP/1.1`);
      });
    },
  );

  it('names an IPv6 address in brackets', async () => {
    await withGuest({ does, host: '::1' }, async ({ ask, server }) => {
      expect(await ask()).toEqual({ result: 'passed' });
      expect(server.heard()).toContain(`\r\nHost: [::1]:${server.port}\r\n`);
    });
  });
});

describe('where a workload is asked', () => {
  const clock = simulatedTime();
  const prober = createHttpProber({ clock, version: '1.2.3' });
  const check = (port: number) => checkOf({ type: 'http', port, path: '/', scheme: 'http', expected_status: 200 });

  it('fails where nothing listens', async () => {
    const port = await freePort();
    const guest = { ...UNREACHABLE, address: '127.0.0.1' };
    const answer = await prober.probe(guest, check(port), wanted());
    expect(answer).toEqual({ result: 'failed', error: 'connection refused (ECONNREFUSED)' });
  });

  it('cannot be asked at a port that is not forwarded, which is said with the port', async () => {
    const guest = { ...UNREACHABLE, ports: [{ host_port: 1, guest_port: 81 }] };
    const answer = await prober.probe(guest, check(80), wanted());
    expect(answer.result).toBe('unavailable');
    expect(answer).toHaveProperty(
      'error',
      expect.stringMatching(/^port 80 cannot be asked: .*no port .* is forwarded/),
    );
  });

  it('cannot be asked by a prober of another kind', async () => {
    const answer = await prober.probe(UNREACHABLE, checkOf({ type: 'tcp', port: 80 }), wanted());
    expect(answer).toEqual({ result: 'unavailable', error: 'a tcp check is not for HTTP' });
  });
});
