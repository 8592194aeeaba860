/**
 * Goal: systemd learns what the daemon is doing, and a stop of the service leaves VMs alone. Method: the real
 * systemd-notify sends to a socket of our own; a recording stand-in where order and time matter; the unit file is
 * checked by systemd's own tool.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SimulatedClock, systemClock } from '../../../src/actors/clock.ts';
import { tellSystemd } from '../../../src/cli/daemon/systemd.ts';
import { projectDir } from '../../architecture/project-files.ts';
import { document, runnable } from '../../documents/markdown.ts';
import { until } from '../daemon-process.ts';
import { listenAt, type NotifyListener } from './notify-listener.ts';

const LIMIT_MS = 20_000;

let dir: string;
let listener: NotifyListener | null = null;
const problems: string[] = [];
const report = (message: string): void => void problems.push(message);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statevisor-systemd-'));
  problems.length = 0;
});
afterEach(() => {
  listener?.close();
  listener = null;
  rmSync(dir, { recursive: true, force: true });
});

/** A stand-in for systemd-notify that notes its arguments and the socket, and ends with this status. */
function standIn(status = 0): { program: string; calls: () => string[] } {
  const program = join(dir, 'notify');
  const log = join(dir, 'calls');
  writeFileSync(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $@" >> ${log}\nexit ${status}\n`);
  chmodSync(program, 0o755);
  return { program, calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) };
}

describe('messages', () => {
  test('the real systemd-notify carries readiness, signs of life and the end', async () => {
    const socket = join(dir, 'socket');
    listener = await listenAt(socket);
    const { heard } = listener;
    const environment = { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '150000' };
    const systemd = tellSystemd({ environment, clock: systemClock(), pid: process.pid, report });
    await systemd.ready('Ready on http://127.0.0.1:7070');
    await until(heard, (lines) => lines.includes('WATCHDOG=1'), LIMIT_MS);
    await systemd.stopping('Stopping; 3 VMs run on');
    systemd.close();
    await until(heard, (lines) => lines.some((line) => line.startsWith('STOPPING=1')), LIMIT_MS);
    expect(heard()[0]).toBe('READY=1 STATUS=Ready on http://127.0.0.1:7070');
    expect(heard()).toContain('STOPPING=1 STATUS=Stopping; 3 VMs run on');
    expect(problems).toEqual([]);
  });

  test('without systemd nothing is started', async () => {
    const { program, calls } = standIn();
    const clock = new SimulatedClock(0);
    const systemd = tellSystemd({ environment: { PATH: '' }, clock, pid: 1, report, program });
    await systemd.ready('x');
    await systemd.stopping('y');
    expect(calls()).toEqual([]);
    expect(clock.nextTimerInMs()).toBeNull();
  });

  test('children of the daemon do not inherit the conversation', () => {
    const environment: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '1', WATCHDOG_PID: '2', OTHER: 'o' };
    tellSystemd({ environment, clock: new SimulatedClock(0), pid: 2, report });
    expect(environment).toEqual({ OTHER: 'o' });
  });

  test('signs of life come three times in a period, only after readiness, and not for another process', async () => {
    const { program, calls } = standIn();
    const clock = new SimulatedClock(0);
    const about = { clock, report, program, pid: 7 };
    const environment = { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' };
    const systemd = tellSystemd({ ...about, environment });
    await clock.advance(60_000);
    expect(calls()).toEqual([]);
    await systemd.ready('r');
    await clock.settle();
    expect(clock.nextTimerInMs()).toBe(10_000);
    await clock.advance(10_000);
    await until(calls, (lines) => lines.length === 2, LIMIT_MS);
    expect(calls()).toEqual(['/s READY=1 STATUS=r', '/s WATCHDOG=1']);
    systemd.close();
    const other = tellSystemd({ ...about, environment: { ...environment, NOTIFY_SOCKET: '/s', WATCHDOG_PID: '8' } });
    await other.ready('r');
    expect(calls().filter((line) => line.includes('WATCHDOG'))).toHaveLength(1);
  });

  test.for([
    ['ends badly', (): string => standIn(3).program, 'ended with 3'],
    ['is not installed', (): string => join(dir, 'nothing'), 'cannot be started'],
  ] as const)('a systemd-notify that %s is reported, and the daemon goes on', async ([, program, what]) => {
    const environment = { NOTIFY_SOCKET: '/s' };
    const systemd = tellSystemd({ environment, clock: systemClock(), pid: 1, report, program: program() });
    await systemd.ready('r');
    await systemd.stopping('s');
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain(`systemd was not told READY=1`);
    expect(problems[0]).toContain(what);
  });
});

describe('the unit file', () => {
  const text = readFileSync(join(projectDir, 'packaging', 'systemd', 'statevisor.service'), 'utf8');
  const set = new Map([...text.matchAll(/^(\w+)=(.*)$/gm)].map((match) => [match[1]!, match[2]!]));

  test("has nothing that systemd's own check finds fault with", () => {
    const file = join(dir, 'statevisor.service');
    writeFileSync(file, text.replaceAll('/opt/statevisor', projectDir.replace(/\/$/, '')));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    expect(`${stdout}${stderr}`).toBe('');
    expect(status).toBe(0);
  });

  test('a mistake in it would be found', () => {
    const file = join(dir, 'statevisor.service');
    writeFileSync(file, text.replaceAll('/opt/statevisor', projectDir).replace('KillMode=process', 'KillMode=proces'));
    const { stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    expect(stderr).toContain('kill mode');
  });

  test.for(['drop-in for a user', 'drop-in for a bridge'])('the %s of the how-to is in order too', (title) => {
    const file = join(dir, 'statevisor.service');
    writeFileSync(file, text.replaceAll('/opt/statevisor', projectDir.replace(/\/$/, '')));
    mkdirSync(`${file}.d`);
    const dropIn = runnable(document('docs/how-to/run-the-daemon.md'), title);
    const check = (lines: string): string => {
      writeFileSync(join(`${file}.d`, 'more.conf'), lines);
      return spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' }).stderr;
    };
    expect(check(dropIn)).toBe('');
    expect(check(`${dropIn}KillMode=no-such-mode\n`)).toContain('more.conf');
  });

  test('lets VMs outlive the daemon, its restart and their own end', () => {
    expect(set.get('KillMode')).toBe('process');
    expect(set.get('OOMPolicy')).toBe('continue');
    for (const fatal of ['PrivateTmp', 'RuntimeDirectory', 'MemoryDenyWriteExecute', 'PrivateDevices']) {
      expect(set.has(fatal), fatal).toBe(false);
    }
  });

  test('starts and stops as the daemon does', () => {
    expect(set.get('Type')).toBe('notify');
    expect(set.get('NotifyAccess')).toBe('all');
    expect(Number(set.get('WatchdogSec'))).toBeGreaterThan(0);
    expect(set.get('RestartPreventExitStatus')).toBe('2');
    const [program, script, ...args] = (set.get('ExecStart') ?? '')
      .replaceAll('/opt/statevisor', projectDir)
      .split(' ');
    expect(existsSync(program!)).toBe(true);
    expect(existsSync(script!)).toBe(true);
    expect(args).toEqual(['serve']);
  });
});
