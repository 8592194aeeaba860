import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { clockCommand, toldTime } from '../../../src/adapters/qemu/snapshots/guest-clock.ts';

/** What the guest's shell is given, but without setting the clock of this machine. */
const HARMLESS = clockCommand(1_700_000_000_600).replaceAll('date -u -s', 'true');

describe('the clock of a guest', () => {
  it.each([
    { shell: 'bash', argv: ['/bin/bash', '-c', HARMLESS] },
    { shell: 'busybox', argv: ['/bin/busybox', 'sh', '-c', HARMLESS] },
  ])('is told by the shell of $shell without the help of another program', ({ argv: [program = '', ...args] }) => {
    const { stdout, status } = spawnSync(program, args, { env: { PATH: '/nonexistent' } });
    expect(toldTime(stdout.toString('base64'))).not.toBeNull();
    expect(status).toBe(0);
  });
});
