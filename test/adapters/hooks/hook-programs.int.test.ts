/** Goal: a hook is one program of this host, run with a bound on everything. Method: real programs in a directory. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedClock, systemClock } from '../../../src/actors/clock.ts';
import type { HookCall, Hooks } from '../../../src/actors/contracts/hooks.ts';
import { createHookPrograms, HOOK_LIMIT_MS, HOOK_WORDS_MAX_BYTES } from '../../../src/adapters/hooks/hook-programs.ts';
import { until } from '../../cli/daemon-process.ts';

const CALL: HookCall = {
  instance: '01m85w9k925dedhh483bgc89ya',
  name: 'web',
  run: 3,
  hook: 'warn',
  moment: 'before_stop',
};
const LIMIT_MS = 20_000;
const clock = systemClock();

let directory: string;
let hooks: Hooks;
let withdrawal: AbortController;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-hooks-'));
  hooks = createHookPrograms({ directory, clock });
  withdrawal = new AbortController();
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function place(text: string, mode = 0o700, name = 'warn'): void {
  writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(directory, name), mode);
}

const control = (stillWanted = (): boolean => true) => ({ effect: 'x/1/0', signal: withdrawal.signal, stillWanted });
const run = (call: Partial<HookCall> = {}, by = hooks) => by.run({ ...CALL, ...call }, control());
const written = (name: string): string => readFileSync(join(directory, name), 'utf8');

describe('a hook that ends well', () => {
  test('is told about the instance in its environment and as JSON on its input', async () => {
    place('env | sort > env.txt; cat > input.txt');
    expect(await run()).toEqual({ outcome: 'done', result: null });
    expect(JSON.parse(written('input.txt'))).toEqual(CALL);
    const told = written('env.txt');
    expect(told).toContain('STATEVISOR_NAME=web\n');
    expect(told).toContain('STATEVISOR_RUN=3\n');
    expect(told).toContain('STATEVISOR_MOMENT=before_stop\n');
  });

  test('learns nothing of the environment of the daemon', async () => {
    process.env.STATEVISOR_TEST_SECRET = 'planted';
    try {
      place('env > env.txt');
      await run();
      expect(written('env.txt')).not.toContain('planted');
    } finally {
      delete process.env.STATEVISOR_TEST_SECRET;
    }
  });

  test('may leave its input unread', async () => {
    place('exit 0');
    expect(await run({ name: 'n'.repeat(63) })).toEqual({ outcome: 'done', result: null });
  });
});

describe('a hook that fails', () => {
  test('is told with its status and its last line, cut to a bound', async () => {
    place(`echo first >&2; head -c ${4 * HOOK_WORDS_MAX_BYTES} /dev/zero | tr '\\0' y >&2; exit 3`);
    const outcome = await run();
    expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'hook_failed' } });
    const message = outcome.outcome === 'failed' ? outcome.error.message : '';
    expect(message).toMatch(/^hook warn ended with 3: y+$/);
    expect(message.length).toBeLessThan(HOOK_WORDS_MAX_BYTES + 40);
  });

  test('and does not end in time is ended with everything it started', async () => {
    place('sleep 1000 & echo $! > child.pid; echo $$ > own.pid; wait');
    const time = new SimulatedClock(0);
    const running = run({}, createHookPrograms({ directory, clock: time }));
    await until(() => existsSync(join(directory, 'own.pid')) && written('own.pid'), Boolean, LIMIT_MS);
    await time.advance(HOOK_LIMIT_MS);
    const outcome = await running;
    expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'hook_timed_out' } });
    const isGone = (pid: string): boolean =>
      !existsSync(`/proc/${pid}`) || /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    for (const file of ['child.pid', 'own.pid']) await until(() => isGone(written(file).trim()), Boolean, LIMIT_MS);
  });

  test.each([
    ['that is not there', 'hook_unknown', () => {}],
    ['that is a directory', 'hook_unknown', () => rmSync(directory, { recursive: true, force: true })],
    ['that is not executable', 'hook_not_executable', () => place('exit 0', 0o600)],
    ['that others can change', 'hook_untrusted', () => place('exit 0', 0o777)],
  ] as const)('%s is refused as %s', async (_what, code, prepare) => {
    prepare();
    expect(await run()).toMatchObject({ outcome: 'failed', error: { code } });
  });

  test.each(['../warn', '/bin/true', '', 'a/b', '.', 'WARN', 'x'.repeat(64)])(
    '%o is no name of a hook',
    async (hook) => {
      place('touch ran');
      expect(await run({ hook })).toMatchObject({ outcome: 'failed', error: { code: 'hook_unknown' } });
      expect(existsSync(join(directory, 'ran'))).toBe(false);
    },
  );

  test('whose file is no program is told as one that could not be started', async () => {
    writeFileSync(join(directory, 'warn'), 'neither a script nor a binary\u0000');
    chmodSync(join(directory, 'warn'), 0o700);
    expect(await run()).toMatchObject({ outcome: 'failed', error: { code: 'hook_failed' } });
  });
});

describe('a hook that is no longer wanted', () => {
  test('is not started', async () => {
    place('touch ran');
    expect(
      await hooks.run(
        CALL,
        control(() => false),
      ),
    ).toEqual({ outcome: 'withdrawn' });
    withdrawal.abort();
    expect(await run()).toEqual({ outcome: 'withdrawn' });
    expect(existsSync(join(directory, 'ran'))).toBe(false);
  });

  test('is ended when it runs already, and what it has done by then is not known', async () => {
    place('echo $$ > own.pid; sleep 1000');
    const running = run();
    await until(() => existsSync(join(directory, 'own.pid')), Boolean, LIMIT_MS);
    withdrawal.abort();
    expect(await running).toMatchObject({ outcome: 'unknown', error: { code: 'hook_withdrawn' } });
  });
});
