import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DaemonProcess, type Ran, until, type Workplace, workplace } from './daemon-process.ts';
import { comparedWith, transcript } from './transcript.ts';

/**
 * The first minutes of a newcomer, on real QEMU and without a terminal: one command, one VM, its port; what happens when
 * the VMM is killed; what a killed and a stopped daemon change; what a stop means. The README shows what is printed.
 */

const BOOT_LIMIT_MS = 90_000;
const QEMU = ['--hypervisor', 'qemu'] as const;
/** The last line of what a start says. */
const SAID_ALL = 'Ctrl-C stops this daemon';
const NAME = 'hello';

describe('a first run on real QEMU', () => {
  let place: Workplace;
  let daemon: DaemonProcess;
  const seen = transcript();
  /** A command of the README: run, and kept with what it printed. */
  const show = async (...args: string[]): Promise<Ran> => {
    const ran = await place.cli(...args);
    seen.add(`npx statevisor ${args.join(' ')}`, `${ran.stderr}${ran.stdout}`);
    return ran;
  };
  const daemonUrl = (): string => /ready: (\S+)/.exec(daemon.printed())?.[1] ?? 'not ready';
  /** What the daemon printed by the time that it has said all, as somebody in a checkout would see it. */
  const said = async (): Promise<string> => {
    const printed = await until(
      () => daemon.printed(),
      (text) => text.includes(SAID_ALL),
      BOOT_LIMIT_MS,
    );
    return printed
      .replaceAll(` --data ${place.data}`, '')
      .replaceAll(place.data, '.statevisor')
      .replace(daemonUrl(), 'http://127.0.0.1:7070');
  };

  beforeAll(async () => {
    place = workplace();
    daemon = await place.serve(...QEMU);
  });

  afterAll(async () => {
    for (const view of JSON.parse((await place.cli('ps', '--json')).stdout || '[]') as { id: string }[]) {
      await place.cli('rm', view.id);
    }
    await daemon.end('SIGTERM');
    place.remove();
  });

  test('`npm start` boots the instance `hello` and says where it answers and where to look', async () => {
    const printed = await said();
    seen.add('npm start', printed);
    const url = /http:\/\/127\.0\.0\.1:2\d+\//.exec(printed)?.[0] ?? 'no address printed';
    const health = await fetch(`${url}health`);
    const answer = await health.text();
    expect(answer).toContain('ok');
    seen.remark('In a second terminal.');
    seen.add(`curl ${url}health`, answer);
    const told = (await place.cli('history', NAME)).stdout;
    expect(await place.get(NAME), told).toMatchObject({ state: 'Running', run: 1, wanted: 'running' });
  });

  test('a killed VMM is replaced by a new run, and the history tells it', async () => {
    const { pid } = await place.get(NAME);
    if (pid === null) throw new Error('The instance shows no pid.');
    process.kill(pid, 'SIGKILL');
    seen.remark('Kill the VMM, wait a moment, and look.');
    seen.add(`kill -9 ${pid}`, '');
    const view = await until(
      () => place.get(NAME),
      (seen) => seen.run === 2 && seen.state === 'Running',
      BOOT_LIMIT_MS,
    );
    expect(view).toMatchObject({ restart_status: { attempts: 1 } });
    expect(view.pid).not.toBe(pid);
    await show('ps');
    const { stdout } = await show('history', NAME);
    expect(stdout).toMatch(/run 1 ended: killed[\s\S]*restart attempt 1.*boot requested \(run 2/);
  });

  test('a daemon that is killed leaves its VM running, and the next one adopts it', async () => {
    const { pid } = await place.get(NAME);
    await daemon.end('SIGKILL');
    daemon = await place.serve(...QEMU);
    expect(await place.get(NAME)).toMatchObject({ state: 'Running', run: 2, pid });
  });

  test('Ctrl-C stops the daemon and leaves its VM running, and says so; the next start takes it over, and says so', async () => {
    await said();
    const { pid } = await place.get(NAME);
    expect(await daemon.end('SIGINT')).toBe(0);
    expect(daemon.printed()).toContain('Stopping; these run on, 1 VM: hello.\n');
    daemon = await place.serve(...QEMU);
    expect(await said()).toContain('Took over what ran on meanwhile, 1 VM: hello.\n');
    expect(await place.get(NAME)).toMatchObject({ state: 'Running', run: 2, pid });
  });

  test('a stopped instance stays stopped through the death of the daemon and its next start', async () => {
    expect(await show('stop', NAME)).toMatchObject({ status: 0 });
    expect(await place.get(NAME)).toMatchObject({ state: 'Stopped', wanted: 'stopped' });
    seen.remark('Kill the daemon and start it again: it stays stopped.');
    seen.add(`kill -9 ${daemon.pid}`, '');
    seen.add('npm start', '');
    await daemon.end('SIGKILL');
    daemon = await place.serve(...QEMU);
    await show('ps');
    const view = await place.get(NAME);
    expect(view).toMatchObject({ state: 'Stopped', wanted: 'stopped', run: 2, pid: null });
    const history = (await place.cli('history', NAME, '--json')).stdout.trim().split('\n');
    const stopAt = history.findIndex((line) => line.includes('"type":"stop"'));
    expect(stopAt).toBeGreaterThan(0);
    expect(history.slice(stopAt).join('\n')).not.toContain('instance.boot_requested');
  });

  test('an instance `hello` that was removed does not come back', async () => {
    expect(await place.cli('rm', NAME)).toMatchObject({ status: 0 });
    expect(await daemon.end('SIGTERM')).toBe(0);
    daemon = await place.serve(...QEMU);
    expect(await said()).not.toContain('booting');
    expect(JSON.parse((await place.cli('ps', '--json')).stdout)).toEqual([]);
  });

  test('the README shows what was printed', () => {
    const { shown, printed } = comparedWith('README.md', 'first-run', seen.text());
    expect(shown).toBe(printed);
  });

  test('the token and the endpoints are for the owner only, and no secret is printed', async () => {
    const token = readFileSync(join(place.data, 'token'), 'utf8').trim();
    const endpoints = JSON.parse(readFileSync(join(place.data, 'endpoints.json'), 'utf8')) as {
      http: string;
      nats: string;
    };
    expect(daemon.printed()).not.toContain(token);
    expect(daemon.printed()).not.toContain(new URL(endpoints.nats).password);
    expect((await fetch(`${endpoints.http}/v1/instances`)).status).toBe(401);
  });
});
