/**
 * Goal: what a person follows on the command line goes on over a daemon that is killed, without a gap and without a
 * repeat; and the commands that look and change say what is so. Method: real processes on the simulator.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import { projectDir } from '../architecture/project-files.ts';
import { type DaemonProcess, type Ran, until, type Workplace, workplace } from './daemon-process.ts';

const FLAGS = ['--hypervisor', 'simulator', '--nats', 'off', '--no-hello'] as const;
const WAIT_MS = 60_000;
const LIMIT_MS = 120_000;

let place: Workplace;
let daemon: DaemonProcess;
let control: SimulatorControl;
const children: ChildProcess[] = [];

/** A command that goes on: what it printed so far, by stream. */
function following(...args: string[]): { lines: () => string[]; notes: () => string } {
  const main = join(projectDir, 'src/cli/main.ts');
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, STATEVISOR_DATA: place.data } });
  children.push(child);
  const [out, err]: [string[], string[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk.toString()));
  return { lines: () => out.join('').split('\n').slice(0, -1), notes: () => err.join('') };
}

async function run(...args: string[]): Promise<Ran> {
  const ran = await place.cli(...args);
  expect({ status: ran.status, stderr: ran.stderr }, args.join(' ')).toMatchObject({ status: 0 });
  return ran;
}

beforeAll(async () => {
  place = workplace();
  daemon = await place.serve(...FLAGS);
  control = controlSimulator({ world: { directory: place.data, program: worldProgram }, clock: systemClock() });
}, LIMIT_MS);

afterAll(async () => {
  for (const child of children) child.kill();
  await daemon.end('SIGTERM');
  await control.shutdownWorld().catch(() => {});
  await control.close();
  place.remove();
}, LIMIT_MS);

test('events and logs are followed over a daemon that is killed: every record once, every line once', {
  timeout: LIMIT_MS,
}, async () => {
  const events = following('events', '-f', '--after', 'beginning', '--json');
  await run('run', 'web');
  const logs = following('logs', 'web', '-f');
  await until(logs.lines, (lines) => lines.includes('guest is ready'), WAIT_MS);
  await daemon.end('SIGKILL');
  await until(events.notes, (notes) => notes.includes('does not answer'), WAIT_MS);
  daemon = await place.serve(...FLAGS);
  await run('restart', 'web');
  await run('stop', 'web');
  const whole = (await run('events', '--json')).stdout.trimEnd().split('\n');
  await until(events.lines, (lines) => lines.length >= whole.length, WAIT_MS);
  const parsed = (lines: readonly string[]): unknown[] => lines.map((line) => JSON.parse(line) as unknown);
  expect(parsed(events.lines())).toEqual(parsed(whole));
  await until(logs.lines, (lines) => lines.filter((line) => line.startsWith('ended')).length === 2, WAIT_MS);
  const guest = (runNumber: number): unknown[] => [
    expect.stringContaining(`run ${runNumber}`),
    'guest is ready',
    'ended: power_off',
  ];
  expect(logs.lines()).toEqual([...guest(1), ...guest(2)]);
});

describe('the command line', () => {
  test('shows history by its filters, and the end of it in order', { timeout: LIMIT_MS }, async () => {
    const all = (await run('history', 'web')).stdout.trimEnd().split('\n');
    const last = (await run('history', 'web', '--last', '3')).stdout.trimEnd().split('\n');
    expect(last).toEqual(all.slice(-3));
    const stops = (await run('history', 'web', '--type', 'stop', '--via', 'http', '--since', '1h')).stdout.trimEnd();
    expect(stops).toMatch(/^\S+Z {2}v\d+ +admin@http {2}stop {2}=> .*\| shutdown .*\[stopping\]$/);
    expect(await place.cli('history', 'web', '--type', 'stops')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('type must be the type of an event or fact'),
    });
  });

  test('ends quietly when its reader has enough', { timeout: LIMIT_MS }, async () => {
    const main = join(projectDir, 'src/cli/main.ts');
    const line = `"${process.execPath}" "${main}" events -f --after beginning | head -1`;
    const env = { ...process.env, STATEVISOR_DATA: place.data };
    const child = spawn('bash', ['-c', `set -o pipefail; ${line}`], { env });
    children.push(child);
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => printed.push(String(chunk)));
    let status: number | null | undefined;
    child.once('close', (code) => {
      status = code;
    });
    // A writer learns that its reader is gone when it writes the next time, so there has to be a next record.
    const nextRecord = async (): Promise<boolean> => {
      await run('update', 'web', '--ttl', '1h');
      return status !== undefined;
    };
    await until(nextRecord, Boolean, WAIT_MS);
    expect({ status, printed: printed.join('') }).toEqual({
      status: 0,
      printed: expect.stringMatching(/^web .* v1 .*\n$/),
    });
  });

  test('changes policies and holds standby off', { timeout: LIMIT_MS }, async () => {
    await run(
      'update',
      'web',
      '--restart',
      'always',
      '--backoff',
      '7s',
      '--health',
      'http:80/well',
      '--ttl',
      '1h',
      '--auto-standby',
      '10m',
    );
    expect(await place.get('web')).toMatchObject({
      restart_policy: { policy: 'always', backoff: '7s' },
      health_check: { http: { port: 80, path: '/well' } },
      auto_standby: { idle_timeout: '10m0s' },
      expires_at: expect.any(String),
    });
    await run('update', 'web', '--health', 'none', '--ttl', '0', '--auto-standby', 'off');
    const changed = await place.get('web');
    expect(changed).toMatchObject({ restart_policy: { policy: 'always' }, expires_at: null });
    expect(changed.health_check).toBeUndefined();
    await run('start', 'web');
    await run('hold', 'web', '--for', '5m');
    expect((await run('history', 'web', '--last', '1')).stdout).toContain('standby held off until');
  });
});
