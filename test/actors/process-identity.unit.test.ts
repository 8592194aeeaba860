import { describe, expect, it } from 'vitest';
import {
  hostProcesses,
  isAlive,
  type ProcessIdentity,
  type ProcessTable,
  parseIdentity,
  parseStat,
  signalProcess,
} from '../../src/actors/contracts/process-identity.ts';

const BOOT = '3a74b3a2-15ad-4378-80f6-8d10d8780991';
const OTHER_BOOT = '00000000-15ad-4378-80f6-8d10d8780991';
const statLine = (pid: number, command: string, state: string, start: string, threads = 1): string =>
  `${pid} (${command}) ${state} 1 1 1 0 -1 4194368 22 0 0 0 0 0 0 0 20 0 ${threads} 0 ${start} 2654208 131 0\n`;

const IDENTITY: ProcessIdentity = { pid: 4711, startTicks: '358826', bootId: BOOT };

function table(stat: string | null, bootId = BOOT): ProcessTable & { readonly signals: string[] } {
  const signals: string[] = [];
  const signal = (pid: number, name: NodeJS.Signals): boolean => signals.push(`${name} ${pid}`) > 0;
  return { stat: () => stat, bootId: () => bootId, signal, signals };
}

describe('the identity of a process', () => {
  it('is read from its stat line, whatever its command is called', () => {
    for (const command of ['sh', 'a b', 'a) R 1', '((', ') S 2 (']) {
      expect(parseStat(statLine(7, command, 'S', '99'))).toEqual({ pid: 7, state: 'S', threads: 1, startTicks: '99' });
    }
  });

  it('is not read from anything malformed or cut short', () => {
    for (const text of ['', '7', '7 (sh', '7 (sh) S 1 2', 'x (sh) S 1', statLine(7, 'sh', 'S', 'soon')]) {
      expect(parseStat(text)).toBeNull();
    }
    const whole = `${BOOT}\n${statLine(7, 'sh', 'R', '99')}`;
    expect(parseIdentity(whole)).toEqual({ pid: 7, startTicks: '99', bootId: BOOT });
    for (const text of ['', BOOT, `${BOOT}\n`, whole.trimEnd(), `no-boot\n${statLine(7, 'sh', 'R', '99')}`]) {
      expect(parseIdentity(text)).toBeNull();
    }
  });

  it('is alive when pid, start time and boot of the host agree', () => {
    expect(isAlive(IDENTITY, table(statLine(4711, 'qemu-system-x86', 'S', '358826')))).toBe(true);
  });

  it('is gone when there is no such pid, and when the process is a zombie or dead', () => {
    expect(isAlive(IDENTITY, table(null))).toBe(false);
    for (const state of ['Z', 'X', 'x']) {
      expect(isAlive(IDENTITY, table(statLine(4711, 'qemu', state, '358826')))).toBe(false);
    }
  });

  it('is alive while a thread of it lives whose first one is a zombie: it may write, and holds what is open', () => {
    expect(isAlive(IDENTITY, table(statLine(4711, 'qemu', 'Z', '358826', 2)))).toBe(true);
  });

  it('is gone when another process has its pid, and when the host was started again', () => {
    expect(isAlive(IDENTITY, table(statLine(4711, 'qemu', 'S', '358827')))).toBe(false);
    expect(isAlive(IDENTITY, table(statLine(4711, 'qemu', 'S', '358826'), OTHER_BOOT))).toBe(false);
  });

  it('is checked right before a signal, so that no other process is signalled', () => {
    const same = table(statLine(4711, 'qemu', 'S', '358826'));
    expect(signalProcess(IDENTITY, 'SIGKILL', same)).toBe(true);
    expect(same.signals).toEqual(['SIGKILL 4711']);
    const other = table(statLine(4711, 'sshd', 'S', '400000'));
    expect(signalProcess(IDENTITY, 'SIGKILL', other)).toBe(false);
    expect(other.signals).toEqual([]);
  });

  it('of this very process is found alive by the tables of the machine', () => {
    const text = `${hostProcesses.bootId()}\n${hostProcesses.stat(process.pid)}`;
    const own = parseIdentity(text);
    expect(own?.pid).toBe(process.pid);
    expect(own !== null && isAlive(own)).toBe(true);
    expect(own !== null && isAlive({ ...own, startTicks: `${own.startTicks}0` })).toBe(false);
  });
});
