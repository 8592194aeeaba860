import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AgentReply } from '../../../src/adapters/qemu/guest-agents.ts';
import { clockCommand, setGuestClock, toldTime } from '../../../src/adapters/qemu/snapshots/guest-clock.ts';
import { wanted } from '../../contracts/hypervisor.world.ts';
import { endPretended, pretendRun, REF, toolsOf } from './pretended-run.ts';

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

describe('a guest that is told the time', () => {
  const AT = 1_700_000_000_000;
  const AGENT = [{ label: 'agent', 'frontend-open': true }];
  const ended = (ms: number): AgentReply => {
    const output = Buffer.from(`${(ms / 1_000).toFixed(3)}\n`).toString('base64');
    return { answer: 'ended', code: 0, output };
  };
  /** The times it is told, when each answer of its agent takes so long, and what comes of it. */
  const tell = async (answers: readonly (readonly [takesMs: number, reply: AgentReply])[]) => {
    const root = mkdtempSync(join(tmpdir(), 'statevisor-clock-'));
    const run = pretendRun(root);
    const { scope } = toolsOf(root, run.directory, async (command) =>
      command === 'query-chardev' ? AGENT : undefined,
    );
    let now = 0;
    const told: string[] = [];
    const ask = async (_guest: unknown, { text }: { readonly text: string }): Promise<AgentReply> => {
      const [takesMs, reply] = answers[told.length]!;
      told.push(/-s @(\d+\.\d+)/.exec(text)?.[1] ?? '');
      now += takesMs;
      return reply;
    };
    const held = { ...scope, clock: { ...scope.clock, monotonic: () => now } };
    try {
      return { outcome: await setGuestClock({ scope: held, agents: { ask } }, REF, AT, wanted()), told };
    } finally {
      await endPretended(run);
      rmSync(root, { recursive: true, force: true });
    }
  };
  const done = (drift_ms: number) => ({ outcome: 'done', result: { drift_ms } });

  it('is told it once when it answers at once', async () => {
    const { outcome, told } = await tell([[200, ended(AT - 60_000)]]);
    expect([outcome, told]).toEqual([done(60_000), ['1700000000.000']]);
  });

  it('is told it again while its answers take long, with the time of then; how wrong it was is what it said first', async () => {
    const late = await tell([
      [900, ended(AT - 60_000)],
      [100, ended(AT)],
    ]);
    expect([late.outcome, late.told]).toEqual([done(60_000), ['1700000000.000', '1700000000.900']]);
    const ever = await tell([
      [900, ended(AT - 60_000)],
      [900, ended(AT)],
      [900, ended(AT)],
    ]);
    expect([ever.outcome, ever.told.length]).toEqual([done(60_000), 3]);
  });

  it('has taken it when only a later time was not answered', async () => {
    const { outcome } = await tell([
      [900, ended(AT - 60_000)],
      [10_000, { answer: 'late' }],
    ]);
    expect(outcome).toEqual(done(60_000));
  });
});
