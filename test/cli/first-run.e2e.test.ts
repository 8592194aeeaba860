import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DaemonProcess, type Ran, until, type Workplace, workplace } from './daemon-process.ts';
import { comparedWith, transcript } from './transcript.ts';

/**
 * The first minutes of a newcomer, on real QEMU: the daemon, one VM, its port; what happens when the VMM is killed;
 * what a stop means; what a killed daemon changes. The README shows what is printed on the way.
 */

const BOOT_LIMIT_MS = 90_000;
const QEMU = ['--no-hello', '--hypervisor', 'qemu'] as const;

describe('a first run on real QEMU', () => {
  let place: Workplace;
  let daemon: DaemonProcess;
  let name = '';
  const seen = transcript();
  /** A command of the README: run, and kept with what it printed. */
  const show = async (...args: string[]): Promise<Ran> => {
    const ran = await place.cli(...args);
    seen.add(`npx statevisor ${args.join(' ')}`, `${ran.stderr}${ran.stdout}`);
    return ran;
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

  test('`run` boots the demo guest and says where its port answers', async () => {
    const { status, stdout, stderr } = await show('run');
    expect({ status, stderr }).toMatchObject({ status: 0 });
    const url = /http:\/\/127\.0\.0\.1:\d+\//.exec(stdout)?.[0] ?? 'no address printed';
    const health = await fetch(`${url}health`);
    const answer = await health.text();
    expect(answer).toContain('ok');
    seen.add(`curl ${url}health`, answer);
    name = stdout.split(' ')[0] ?? '';
    expect(await place.get(name)).toMatchObject({ state: 'Running', run: 1, wanted: 'running' });
  });

  test('a killed VMM is replaced by a new run, and the history tells it', async () => {
    const { pid } = await place.get(name);
    if (pid === null) throw new Error('The instance shows no pid.');
    process.kill(pid, 'SIGKILL');
    seen.remark('Kill the VMM, wait a moment, and look.');
    seen.add(`kill -9 ${pid}`, '');
    const view = await until(
      () => place.get(name),
      (seen) => seen.run === 2 && seen.state === 'Running',
      BOOT_LIMIT_MS,
    );
    expect(view).toMatchObject({ restart_status: { attempts: 1 } });
    expect(view.pid).not.toBe(pid);
    await show('ps');
    const { stdout } = await show('history', name);
    expect(stdout).toMatch(/vmm\.exited run 1: killed .*restart attempt 1.*boot requested \(run 2/);
  });

  test('a daemon that is killed leaves its VM running, and the next one adopts it', async () => {
    const { pid } = await place.get(name);
    await daemon.end('SIGKILL');
    daemon = await place.serve(...QEMU);
    expect(await place.get(name)).toMatchObject({ state: 'Running', run: 2, pid });
  });

  test('a stopped instance stays stopped through the death of the daemon and its next start', async () => {
    expect(await show('stop', name)).toMatchObject({ status: 0 });
    expect(await place.get(name)).toMatchObject({ state: 'Stopped', wanted: 'stopped' });
    seen.remark('Kill the daemon and start it again: it stays stopped.');
    seen.add(`kill -9 ${daemon.pid}`, '');
    seen.add('npm start', '');
    await daemon.end('SIGKILL');
    daemon = await place.serve(...QEMU);
    await show('ps');
    const view = await place.get(name);
    expect(view).toMatchObject({ state: 'Stopped', wanted: 'stopped', run: 2, pid: null });
    const history = (await place.cli('history', name, '--json')).stdout.trim().split('\n');
    const stopAt = history.findIndex((line) => line.includes('"type":"stop"'));
    expect(stopAt).toBeGreaterThan(0);
    expect(history.slice(stopAt).join('\n')).not.toContain('instance.boot_requested');
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
