/**
 * Goal: what an operator does with the host as a whole works from the command line, against whole daemons. Method: the
 * daemon in a process of its own, the simulator, and the hands of fate.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { CliError } from '../../src/cli/client.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { hurryGuests } from '../crash/simulated-load.ts';
import { type DaemonProcess, until, type Workplace, workplace } from './daemon-process.ts';

const LIMIT_MS = 20_000;
const SIMULATOR = ['--no-hello', '--hypervisor', 'simulator', '--nats', 'off'] as const;

let place: Workplace;
let fate: SimulatorControl;
let daemon: DaemonProcess | null = null;

/** One daemon for all of them: to start one takes longer than most of what is shown with it. */
beforeAll(async () => {
  place = workplace();
  fate = controlSimulator({ world: { directory: place.data, program: worldProgram }, clock: systemClock() });
  await serve();
  await hurryGuests(fate);
});
/** Every test leaves an empty host behind that does what is automatic. */
afterEach(async () => {
  await done('host', 'normal');
  const { instances } = JSON.parse(await done('host', 'status', '--json')) as { instances: number };
  if (instances === 0) return;
  const views = JSON.parse(await done('ps', '--json')) as InstanceView[];
  for (const { name } of views) await done('rm', name);
});
afterAll(async () => {
  await daemon?.end('SIGTERM');
  await fate.shutdownWorld().catch(() => {});
  await fate.close();
  place.remove();
});

async function serve(): Promise<void> {
  daemon = await place.serve(...SIMULATOR, '--capacity-memory', '8GB');
}

/** The command line within this process: a process for each call would be most of the time. */
async function done(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const output = { line: (text: string) => void lines.push(text), note: () => {}, text: () => {} };
  await makeProgram(output).parseAsync([...args, '--data', place.data], { from: 'user' });
  return lines.join('\n');
}

/** What a call that is refused says. */
async function refusal(...args: string[]): Promise<{ code: string; message: string }> {
  const error = await done(...args).catch((reason: unknown) => reason);
  if (!(error instanceof CliError)) throw new Error(`${args.join(' ')} was not refused: ${String(error)}`);
  return { code: error.code, message: error.message };
}

async function get(name: string): Promise<InstanceView> {
  return JSON.parse(await done('get', name, '--json')) as InstanceView;
}

async function run(name: string, ...flags: string[]): Promise<string> {
  return (JSON.parse(await done('run', name, '--json', ...flags)) as InstanceView).id;
}

const seen = (name: string, good: (view: InstanceView) => boolean): Promise<InstanceView> =>
  until(() => get(name), good, LIMIT_MS);

function placeHook(name: string, text: string): void {
  mkdirSync(join(place.data, 'hooks'), { recursive: true });
  writeFileSync(join(place.data, 'hooks', name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(place.data, 'hooks', name), 0o700);
}

describe('maintenance', () => {
  test('holds back the restart of what ends meanwhile, and normal lets it go', async () => {
    const id = await run('web');
    expect(await done('host', 'maintenance')).toBe('The host is in mode maintenance.');
    await fate.sigkill(id);
    const ended = await seen('web', ({ state }) => state === 'Stopped');
    expect(ended).toMatchObject({ run: 1, wanted: 'running', exit_reason: 'killed' });
    expect(await fate.countVmms(id)).toBe(0);
    await done('host', 'normal');
    const back = await seen('web', ({ state }) => state === 'Running');
    expect(back).toMatchObject({ run: 2, restart_status: { attempts: 1 } });
  });

  test('outlives the daemon', async () => {
    const id = await run('web');
    await done('host', 'maintenance');
    await daemon?.end('SIGKILL');
    await fate.sigkill(id);
    await serve();
    expect(JSON.parse(await done('host', 'status', '--json'))).toMatchObject({ mode: 'maintenance' });
    expect(await seen('web', ({ state }) => state === 'Stopped')).toMatchObject({ run: 1 });
    await done('host', 'normal');
    expect(await seen('web', ({ state }) => state === 'Running')).toMatchObject({ run: 2 });
  });

  test('while the host is drained nothing new is taken on', async () => {
    await run('web');
    await done('host', 'drain');
    expect((await refusal('run', 'late')).code).toBe('host_draining');
    await done('stop', 'web');
    expect((await refusal('start', 'web')).code).toBe('host_draining');
  });
});

test('an instance that is ignored is left as it is until somebody starts it', async () => {
  const id = await run('web');
  await done('ignore', 'web');
  expect(await get('web')).toMatchObject({ state: 'Running', wanted: 'ignore' });
  await fate.sigkill(id);
  expect(await seen('web', ({ state }) => state === 'Stopped')).toMatchObject({ run: 1, wanted: 'ignore' });
  await done('start', 'web');
  expect(await get('web')).toMatchObject({ state: 'Running', wanted: 'running', run: 2 });
});

describe('capacity', () => {
  test('what does not fit is refused with the field and how much is free, and fits once there is room', async () => {
    await run('first', '--size', '5GB');
    const refused = await refusal('run', 'second', '--size', '4GB');
    expect(refused.code).toBe('insufficient_resources');
    expect(refused.message).toContain('size');
    expect((await refusal('get', 'second')).code).toBe('not_found');
    await done('stop', 'first');
    await run('second', '--size', '4GB');
    expect(JSON.parse(await done('host', 'status', '--json'))).toMatchObject({
      capacity: { memory_bytes: { used: 4 * 1024 ** 3, limit: 8 * 1024 ** 3 } },
    });
    expect(await done('host', 'status')).toMatch(/^capacity\.memory_bytes +4GB of 8GB$/m);
  });
});

describe('hooks', () => {
  test('a stop runs its hook first, whose end shows in the history', async () => {
    placeHook('leave', 'echo "$STATEVISOR_NAME $STATEVISOR_RUN $STATEVISOR_MOMENT" > left.txt');
    await run('web', '--before-stop', 'leave');
    await done('stop', 'web');
    expect(readFileSync(join(place.data, 'hooks', 'left.txt'), 'utf8')).toBe('web 1 before_stop\n');
    expect(await done('history', 'web')).toContain('leave');
  });

  test('a stop goes on when its hook fails or is missing, and does not wait for it when it is forced', async () => {
    placeHook('broken', 'echo no >&2; exit 7');
    placeHook('slow', 'touch slow.txt; exec sleep 1000');
    for (const hook of ['broken', 'missing']) {
      await run(hook, '--before-stop', hook);
      await done('stop', hook);
      expect(await get(hook)).toMatchObject({ state: 'Stopped' });
    }
    expect(await done('history', 'broken')).toContain('ended with 7: no');
    await run('forced', '--before-stop', 'slow');
    await done('stop', 'forced', '--force');
    expect(existsSync(join(place.data, 'hooks', 'slow.txt'))).toBe(false);
    await run('cut', '--before-stop', 'slow');
    await done('stop', 'cut', '--no-wait');
    await until(() => existsSync(join(place.data, 'hooks', 'slow.txt')), Boolean, LIMIT_MS);
    await done('stop', 'cut', '--force');
    expect(await get('cut')).toMatchObject({ state: 'Stopped', run: 1 });
  });

  test('a standby is given up when its hook fails', async () => {
    placeHook('busy', 'exit 1');
    await run('web', '--before-standby', 'busy');
    expect((await refusal('standby', 'web')).code).toBe('not_reached');
    expect(await get('web')).toMatchObject({ state: 'Running', run: 1 });
    placeHook('busy', 'exit 0');
    await done('standby', 'web');
    expect(await get('web')).toMatchObject({ state: 'Standby' });
  });
});

test('after a reboot of the host those that should run come back, unburdened, and only those', async () => {
  await run('web');
  await run('once', '--restart', 'never');
  await run('left');
  await run('down');
  await done('ignore', 'left');
  await done('stop', 'down');
  await daemon?.end('SIGKILL');
  await fate.hostReboot();
  await serve();
  const back = await seen('web', (view) => view.state === 'Running' && view.run === 2);
  expect(back.restart_status?.attempts ?? 0).toBe(0);
  for (const name of ['once', 'left', 'down']) {
    expect(await seen(name, ({ state }) => state === 'Stopped'), name).toMatchObject({ run: 1 });
  }
});
