/** Goal: no secret is in what the daemon logs. Method: secrets are put wherever one may come by, and looked for. */
import { describe, expect, test } from 'vitest';
import { createDaemonLogger, type LogLevel, REDACTED } from '../../../src/cli/daemon/daemon-logger.ts';

const SECRET = 's3cret-of-mine';

function logged(level: LogLevel, act: (logger: ReturnType<typeof createDaemonLogger>) => void): string {
  let text = '';
  const destination = {
    write: (line: string): void => {
      text += line;
    },
  };
  act(createDaemonLogger({ level, destination }));
  return text;
}

const FIELDS = ['authorization', 'Authorization', 'token', 'password', 'pass', 'secret', 'credentials', 'creds'];

describe('secrets', () => {
  test.for(FIELDS)('the field %s is hidden at every depth', (field) => {
    const text = logged('trace', (logger) => {
      let about: Record<string, unknown> = { [field]: SECRET };
      for (let depth = 0; depth < 5; depth++) {
        logger.info(about, `depth ${depth}`);
        about = { inner: about };
      }
    });
    expect(text.trim().split('\n')).toHaveLength(5);
    expect(text.split(REDACTED)).toHaveLength(6);
    expect(text).not.toContain(SECRET);
  });

  test('values of an environment are hidden, its names are not', () => {
    const text = logged('trace', (logger) => logger.info({ definition: { env: { API_KEY: SECRET } } }, 'created'));
    expect(text).toContain('API_KEY');
    expect(text).not.toContain(SECRET);
  });

  test('lists of webhooks with their secrets, and headers of a request', () => {
    const text = logged('trace', (logger) => {
      logger.info({ webhooks: [{ url: 'https://example.com/', secret: SECRET }] }, 'configured');
      logger.debug({ request: { headers: { authorization: `Bearer ${SECRET}` } } }, 'came in');
    });
    expect(text).toContain('https://example.com/');
    expect(text).not.toContain(SECRET);
  });

  test('text with a URL or a header in it: messages, errors, their causes and their stacks', () => {
    const text = logged('trace', (logger) => {
      const cause = new Error(`connect nats://statevisor:${SECRET}@127.0.0.1:4222 refused`);
      logger.error({ err: new Error(`Authorization: Bearer ${SECRET}`, { cause }) }, `to https://me:${SECRET}@host/x`);
      logger.child({ instance: 'a', url: `nats://${SECRET}@host` }).warn(`Basic ${SECRET}`);
    });
    expect(text).toContain('127.0.0.1:4222 refused');
    expect(text).not.toContain(SECRET);
  });

  test.for(['p@ss', 'p@', '@p@@ss', "it's", 'a"b', 'back\\slash'])(
    'a password %s inside a URL is hidden whole',
    (password) => {
      const text = logged('info', (logger) => {
        logger.warn(`cannot reach nats://me:${password}${SECRET}@127.0.0.1:4222/x`);
        logger.warn({ err: new Error(`nats://${password}${SECRET}@127.0.0.1:4222?a=b@c failed`) }, 'again');
      });
      expect(text.split(`nats://${REDACTED}@127.0.0.1:4222`).length).toBeGreaterThan(2);
      expect(text).not.toContain(SECRET);
      for (const part of password.split('@').filter((piece) => piece.length > 1))
        expect(text).not.toContain(`${part}@`);
    },
  );

  test('what is no secret stays readable', () => {
    const text = logged('info', (logger) =>
      logger.info({ instance: 'web', correlation: 'r-1' }, 'see http://host/a@b, http://host?a@b and http://host, a@b'),
    );
    const msg = 'see http://host/a@b, http://host?a@b and http://host, a@b';
    expect(JSON.parse(text)).toMatchObject({ instance: 'web', correlation: 'r-1', msg });
  });
});

describe('levels', () => {
  test('what weighs less than the level is left out, and the level can change', () => {
    const text = logged('warn', (logger) => {
      logger.info('one');
      logger.warn('two');
      logger.level = 'debug';
      logger.debug('three');
    });
    expect([...text.matchAll(/"msg":"(\w+)"/g)].map((match) => match[1])).toEqual(['two', 'three']);
  });
});
