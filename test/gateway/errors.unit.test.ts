/** Goal: callers can rely on the documented errors. Method: the table in docs is compared with the code, both ways. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LogUnavailableError } from '../../src/actors/contracts/log-error.ts';
import { ERRORS, type ErrorCode, StatevisorError } from '../../src/actors/errors.ts';
import { refusalOf } from '../../src/gateway/refusals.ts';
import { HOST_VERBS, VERBS } from '../../src/gateway/use-cases/contract.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8');

function documented(text: string): [string, { status: number; remedy: string }][] {
  const rows = text.matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (.+) \|$/gm);
  return [...rows].map(([, code, status, remedy]) => [code!, { status: Number(status), remedy: remedy! }]);
}

test('every error is documented with its status and remedy, and nothing else is', () => {
  expect(documented(read('errors.md'))).toEqual(Object.entries(ERRORS));
});

test('every remedy is a sentence', () => {
  for (const [code, { remedy }] of Object.entries(ERRORS)) expect(remedy, code).toMatch(/^[A-Z].*\.$/);
});

test('every error is answered with its code, its status and nothing that was not said', () => {
  for (const [code, { status }] of Object.entries(ERRORS)) {
    const error = new StatevisorError(code as ErrorCode, 'A sentence.');
    expect(refusalOf(error, 'c-1')).toEqual({ status, body: { code, message: 'A sentence.' } });
  }
});

test('an unexpected failure is told by its correlation id, and its reason only to the logger', () => {
  const told: unknown[] = [];
  const failure = new Error('secret');
  const { status, body } = refusalOf(failure, 'c-1', { error: (about) => told.push(about) });
  expect({ status, code: body.code, details: body.details }).toEqual({
    status: 500,
    code: 'internal_error',
    details: { correlation: 'c-1' },
  });
  expect(JSON.stringify(body)).not.toContain('secret');
  expect(told).toEqual([{ correlation: 'c-1', err: failure }]);
});

test('a log that cannot be read is told by its name, not as a failure of ours', () => {
  const { status, body } = refusalOf(new LogUnavailableError('disk sda1 is gone'), 'c-1');
  expect({ status, code: body.code }).toEqual({ status: 503, code: 'log_unavailable' });
  expect(JSON.stringify(body)).not.toContain('sda1');
});

test('every verb is documented for both doors', () => {
  const told = /^Verbs on instances: `([a-z_ ]+)`\. About the host: `([a-z ]+)`\.$/m.exec(read('nats.md'));
  expect(told?.[1]?.split(' ')).toEqual([...VERBS]);
  expect(told?.[2]?.split(' ')).toEqual([...HOST_VERBS]);
  for (const verb of VERBS) expect(read('http.md'), verb).toContain(verb);
});
