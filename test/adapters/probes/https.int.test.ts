import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { withGuest } from './asked-over-http.ts';

const does = (socket: Socket): unknown => socket.end('HTTP/1.1 200 OK\r\n\r\n');

describe('a certificate', () => {
  it('that a trusted authority has signed for the address passes', async () => {
    await withGuest({ does, certificate: 'good' }, async ({ ask }) =>
      expect(await ask()).toEqual({ result: 'passed' }),
    );
  });

  it('is verified for an IPv6 address too', async () => {
    await withGuest({ does, certificate: 'good', host: '::1' }, async ({ ask }) =>
      expect(await ask()).toEqual({ result: 'passed' }),
    );
  });

  it.each([
    ['self-signed', 'the certificate is signed by itself (DEPTH_ZERO_SELF_SIGNED_CERT)'],
    ['expired', 'the certificate has expired (CERT_HAS_EXPIRED)'],
    ['other-name', 'the certificate is for another name (ERR_TLS_CERT_ALTNAME_INVALID)'],
  ])('that is %s fails, and passes when it is not to be verified', async (certificate, error) => {
    await withGuest({ does, certificate }, async ({ ask }) => {
      expect(await ask()).toEqual({ result: 'failed', error });
      expect(await ask({ tls_verify: true })).toEqual({ result: 'failed', error });
      expect(await ask({ tls_verify: false })).toEqual({ result: 'passed' });
    });
  });
});

describe('TLS', () => {
  it('is asked for without a server name: a guest has an address', async () => {
    const names: unknown[] = [];
    const tells = (socket: Socket): void => {
      names.push((socket as TLSSocket).servername);
      does(socket);
    };
    await withGuest({ does: tells, certificate: 'good' }, async ({ ask }) => {
      await ask();
      expect(names).toEqual([false]);
    });
  });

  it('that the port does not speak fails, also without verifying', async () => {
    const speaks = (socket: Socket): unknown => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    await withGuest({ does: speaks, at: 'connection' }, async ({ ask }) => {
      const answer = await ask({ scheme: 'https', tls_verify: false });
      expect(answer).toEqual({ result: 'failed', error: 'TLS could not be agreed on (EPROTO)' });
    });
  });

  it('that is not answered fails when the time is up', async () => {
    await withGuest({ does: () => undefined, at: 'connection' }, async ({ askUntilLate }) => {
      expect(await askUntilLate({ scheme: 'https' })).toEqual({ result: 'failed', error: 'no status in time' });
    });
  });

  it('where plain HTTP was asked for fails', async () => {
    await withGuest({ does, certificate: 'good' }, async ({ ask }) => {
      expect((await ask({ scheme: 'http' })).result).toBe('failed');
    });
  });
});
