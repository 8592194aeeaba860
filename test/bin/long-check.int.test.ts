/** Goal: whoever sees only the end of the long checks sees which one failed and why. Method: small programs as checks. */
import { expect, test, vi } from 'vitest';
import { failureText, LINES_KEPT_MAX, runCheck } from '../../bin/long-check.js';

const check = (program: string, minutesMax = 1) => {
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const args = ['--eval', program];
  return runCheck({ command: process.execPath, args, env: process.env, cwd: process.cwd(), minutesMax }).finally(() =>
    vi.restoreAllMocks(),
  );
};

test('a check that ends with 0 has passed', async () => {
  expect(await check('console.log("well")')).toEqual({ reason: null, lastLines: ['well'] });
});

test('what a failed check printed last is kept, of both its outputs, and told with its name', async () => {
  const end = await check('console.log("seen"); console.error("missing"); process.exitCode = 3;');
  expect(end.reason).toBe('it ended with 3');
  expect(end.lastLines.toSorted()).toEqual(['missing', 'seen']);
  expect(failureText('some-check', end)).toMatch(/failed: some-check: it ended with 3.*\n {2}\| /);
});

test('no more than the last lines are kept', async () => {
  const { lastLines } = await check('for (let line = 1; line <= 500; line++) console.log(line)');
  expect(lastLines).toHaveLength(LINES_KEPT_MAX);
  expect(lastLines.at(-1)).toBe('500');
});

test('a check that takes longer than its limit is ended, and says so', async () => {
  const { reason } = await check('setInterval(() => {}, 1000)', 0.01);
  expect(reason).toBe('it took longer than 0.01 minutes');
});

test('a check that a signal ends, or that cannot be begun, has failed', async () => {
  expect((await check('process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000)')).reason).toBe(
    'it ended with SIGTERM',
  );
  const none = { command: '/nowhere/program', args: [], env: {}, cwd: process.cwd(), minutesMax: 1 };
  expect((await runCheck(none)).reason).toContain('ENOENT');
});

test('a process that a check has left behind with its output does not keep the next one waiting', async () => {
  const left = `require('node:child_process').spawn('sleep', ['30'], { stdio: 'inherit', detached: true }).unref();`;
  const begun = process.uptime();
  expect((await check(`${left} console.log('done');`)).reason).toBeNull();
  expect(process.uptime() - begun).toBeLessThan(20);
});
