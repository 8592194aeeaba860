/** Goal: the receiver that the how-to tells to write accepts what we sign, and nothing else. Method: it is run. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { signatureOf } from '../../src/gateway/webhooks/signature.ts';
import { document, runnable } from './markdown.ts';

const HOUR_MS = 3_600_000;
const BODY = '{"id":"1"}';
const sample = runnable(document('docs/how-to/webhooks.md'), 'verify');

function answer(header: string, body: string, secret: string): string {
  // In the place of a file's name, which `-e` has not.
  const args = ['--input-type=module', '-e', sample, '--', 'sample', header, body, secret];
  return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout.trim();
}

test('a request of ours is genuine; another body, secret, or hour is not', () => {
  const now = systemClock().now();
  const header = signatureOf(BODY, 'secret', now);
  expect(answer(header, BODY, 'secret')).toBe('genuine');
  expect(answer(header, `${BODY} `, 'secret')).toBe('not genuine');
  expect(answer(header, BODY, 'other')).toBe('not genuine');
  expect(answer(signatureOf(BODY, 'secret', now - HOUR_MS), BODY, 'secret')).toBe('not genuine');
  expect(answer('t=,v1=', BODY, 'secret')).toBe('not genuine');
});
