import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { RunRef } from '../../../src/actors/contracts/hypervisor.ts';
import { hostProcesses } from '../../../src/actors/contracts/process-identity.ts';
import { readParts } from '../../../src/adapters/qemu/log-parts.ts';
import {
  CONSOLE_LOG_PART_BYTES,
  EVENT_LOG_PART_BYTES,
  giveUpRun,
  type RunFacts,
  readRunState,
  readTail,
  runDirectory,
  takeRun,
} from '../../../src/adapters/qemu/run-directory.ts';
import { startSupervisor } from '../../../src/adapters/qemu/supervisor.ts';
import { wanted } from '../../contracts/hypervisor.world.ts';
import { makeQemuWorld, type QemuWorld } from '../qemu.world.ts';

const clock = systemClock();
const REF: RunRef = { instance: '01supervisor00000000000000', run: 3 };
const NO_IMAGES = '/nonexistent';
const LIMIT_MS = 30_000;
/** A start time no process of this test has. */
const OTHER_START = '1';
const SHORT_LIVES = 20;
const RACES = 24;
const RACE_SPREAD_MS = 8;
/** Index of the start time among the fields after the command. */
const START_TICKS_INDEX = 19;

function rule(name: string, check: (world: QemuWorld, directory: string) => Promise<void>): void {
  const run = async (): Promise<void> => {
    const world = await makeQemuWorld(NO_IMAGES);
    try {
      await check(world, runDirectory(world.root, REF));
    } finally {
      await world.destroy();
    }
  };
  it(name, run, LIMIT_MS);
}

/** A run whose VMM is a shell script. */
function factsOf(script: string): RunFacts {
  const argv = ['/bin/sh', '-c', script];
  const none = {
    accelerator: 'none',
    image: 'none',
    ready: 'immediate',
    ready_host: '127.0.0.1',
    ready_host_port: null,
    memory_file: null,
    shape: [],
    identity: null,
    restored_from: null,
  };
  return { token: 'a1', boot_id: hostProcesses.bootId(), ...none, argv };
}

/** Makes a started run as an earlier daemon left it, whose VMM was the given process. */
async function leaveStarted(directory: string, bootId: string, stat: string): Promise<void> {
  await takeRun(directory, { ...factsOf('exit 0'), boot_id: bootId });
  writeFileSync(join(directory, 'process-a1'), `${bootId}\n${stat}\n`);
  writeFileSync(join(directory, 'ticket-a1.d', 'used'), '');
}

/** Makes a run as a version left it whose ticket was a file that its supervisor moved. */
async function leaveAsFormerVersion(directory: string, isStarted: boolean): Promise<void> {
  await takeRun(directory, factsOf('exit 0'));
  rmdirSync(join(directory, 'ticket-a1.d'));
  writeFileSync(join(directory, 'ticket-a1'), '');
  if (!isStarted) return;
  writeFileSync(join(directory, 'process-a1'), `${hostProcesses.bootId()}\n${ownStat()}\n`);
  renameSync(join(directory, 'ticket-a1'), join(directory, 'started-a1'));
}

const ownStat = (): string => (hostProcesses.stat(process.pid) ?? '').trim();

describe('the supervisor of a run', () => {
  rule('records the exit status, and keeps only the last part of what is said', async (_world, directory) => {
    const floods = [
      'head -c 3000000 /dev/zero | tr "\\0" c >&5; echo last guest words >&5',
      'head -c 300000 /dev/zero | tr "\\0" v >&2; echo last words >&2',
      'head -c 500000 /dev/zero | tr "\\0" e; echo last event',
      'head -c 100000 /dev/zero >exit.pipe 2>/dev/null; exit 9',
    ];
    const facts = factsOf(`trap "" PIPE; ${floods.join('; ')}`);
    expect(await takeRun(directory, facts)).toBe(true);
    await startSupervisor(directory, facts).ended;
    expect(readFileSync(join(directory, 'end'), 'utf8')).toBe('9\n');
    const size = (name: string): number => statSync(join(directory, name)).size;
    for (const name of ['console.log', 'console.log.5']) expect(size(name)).toBeLessThanOrEqual(CONSOLE_LOG_PART_BYTES);
    for (const name of ['events.log', 'events.log.7', 'vmm.log', 'vmm.log.4'])
      expect(size(name)).toBeLessThanOrEqual(EVENT_LOG_PART_BYTES);
    expect(size('exit.code')).toBeLessThanOrEqual(64);
    expect(readTail(join(directory, 'console.log'), 18)).toBe('clast guest words\n');
    expect(readTail(join(directory, 'vmm.log'), 12)).toBe('vlast words\n');
    expect(readTail(join(directory, 'events.log'), 12)).toBe('elast event\n');
    const parts = readdirSync(directory).filter((name) => /\.log/.test(name));
    const kept = ['console.log', 'console.log.5', 'events.log', 'events.log.7', 'vmm.log', 'vmm.log.4'];
    expect(parts.sort()).toEqual(kept);
    const { from, bytes } = readParts(directory, 'console.log', 0, 2 * CONSOLE_LOG_PART_BYTES);
    expect([from, from + bytes.length]).toEqual([4 * CONSOLE_LOG_PART_BYTES, 3_000_000 + 'last guest words\n'.length]);
  });

  rule('starts nothing after the run was given up, even when it comes late', async (world, directory) => {
    const facts = factsOf('echo started >&2');
    await takeRun(directory, facts);
    expect(await world.hypervisor.inspect(REF), 'nobody boots it any more').toEqual({ reality: 'none' });
    expect(await takeRun(directory, { ...facts, token: 'b2' }), 'so the run may be taken again').toBe(true);
    await startSupervisor(directory, facts).ended;
    const names = readdirSync(directory);
    expect(names, 'the late one did not start').not.toContain('started-a1');
    expect(names, 'and recorded no end').not.toContain('end');
    expect(names).toContain('ticket-b2.d');
  });

  rule('starts, or was given up, never both, however close the two are', async (_world, directory) => {
    for (let n = 0; n < RACES; n++) {
      const facts = { ...factsOf('echo started'), token: `race${n}` };
      await takeRun(directory, facts);
      const supervisor = startSupervisor(directory, facts);
      // Later by a little each time: some come too early, some too late.
      await clock.sleep(n % RACE_SPREAD_MS);
      const isGivenUp = await giveUpRun(directory, facts.token);
      await supervisor.ended;
      const names = existsSync(directory) ? readdirSync(directory) : [];
      expect(names.includes(`started-${facts.token}`), `try ${n}`).toBe(!isGivenUp);
      if (!isGivenUp) expect(readTail(join(directory, 'events.log'))).toBe('started\n');
      rmSync(directory, { recursive: true, force: true });
    }
  });

  rule('keeps what a VMM says that ends at once', async (_world, directory) => {
    for (let n = 0; n < SHORT_LIVES; n++) {
      const facts = { ...factsOf('echo last words >&2; echo event; echo 7 >exit.pipe; exit 3'), token: `short${n}` };
      await takeRun(directory, facts);
      await startSupervisor(directory, facts).ended;
      const said = ['vmm.log', 'events.log', 'exit.code', 'end'].map((name) => readTail(join(directory, name)));
      expect(said, `life ${n}`).toEqual(['last words\n', 'event\n', '7\n', '3\n']);
      rmSync(directory, { recursive: true, force: true });
    }
  });

  rule('starts nothing that nobody could find again: the disk is full', async (_world, directory) => {
    const facts = factsOf('echo started');
    await takeRun(directory, facts);
    symlinkSync('/dev/full', join(directory, 'process-a1'));
    await startSupervisor(directory, facts).ended;
    expect(readTail(join(directory, 'events.log'))).toBe('');
    expect(readRunState(directory).state, 'so it may be given up').toBe('waiting');
    expect(await giveUpRun(directory, facts.token)).toBe(true);
  });

  rule('records the end of every run that has begun', async (_world, directory) => {
    const facts = factsOf('exit 3');
    await takeRun(directory, facts);
    // The mark for earlier versions cannot be made; the ticket is what counts.
    symlinkSync('/nonexistent/started', join(directory, 'started-a1'));
    await startSupervisor(directory, facts).ended;
    expect(readTail(join(directory, 'end'))).toBe('3\n');
  });

  rule('lets a run be taken only once', async (_world, directory) => {
    const taken = await Promise.all(
      ['a1', 'b2', 'c3'].map((token) => takeRun(directory, { ...factsOf('exit 0'), token })),
    );
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(readdirSync(join(directory, '..')), 'the others left nothing').toEqual([String(REF.run)]);
  });
});

describe('a run that an earlier daemon left', () => {
  rule('given up, but not out of sight yet, may be taken again', async (world, directory) => {
    const facts = { ...factsOf('exit 0'), restored_from: 'standby-1' };
    await takeRun(directory, facts);
    rmdirSync(join(directory, 'ticket-a1.d'));
    expect(await world.hypervisor.inspect(REF)).toEqual({ reality: 'none' });
    expect(await takeRun(directory, { ...facts, token: 'b2' })).toBe(true);
    expect(readRunState(directory)).toMatchObject({ state: 'waiting', facts: { token: 'b2' } });
  });

  rule(
    'of which the host kept nothing but its place, when it went down, may be taken again',
    async (world, directory) => {
      const facts = factsOf('exit 0');
      await takeRun(directory, facts);
      writeFileSync(join(directory, 'spec.json'), '');
      expect(await world.hypervisor.inspect(REF)).toEqual({ reality: 'none' });
      expect(await takeRun(directory, { ...facts, token: 'b2' })).toBe(true);
    },
  );

  rule('is not taken again while its VMM lives, although its description cannot be read', async (_world, directory) => {
    await leaveStarted(directory, hostProcesses.bootId(), ownStat());
    writeFileSync(join(directory, 'spec.json'), '');
    expect(await takeRun(directory, { ...factsOf('exit 0'), token: 'b2' })).toBe(false);
    expect(existsSync(join(directory, 'process-a1'))).toBe(true);
  });

  rule('in its own form is found, given up or alive', async (world, directory) => {
    await leaveAsFormerVersion(directory, false);
    expect(readRunState(directory).state).toBe('waiting');
    expect(await world.hypervisor.inspect(REF), 'nobody boots it any more').toEqual({ reality: 'none' });
    expect(existsSync(directory)).toBe(false);
    await leaveAsFormerVersion(directory, true);
    expect(readRunState(directory).state).toBe('alive');
    expect(await giveUpRun(directory, 'a1')).toBe(false);
  });

  rule('has ended with the host when the host was started again', async (world, directory) => {
    await leaveStarted(directory, '00000000-0000-4000-8000-000000000000', ownStat());
    expect(await world.hypervisor.inspect(REF)).toMatchObject({
      reality: 'ended',
      reason: 'host_reboot',
      ended_at: null,
    });
  });

  rule(
    'has ended in an unknown way when its pid belongs to another process, which is left alone',
    async (world, directory) => {
      const own = ownStat();
      const command = own.slice(0, own.lastIndexOf(') ') + 2);
      const fields = own.slice(command.length).split(' ');
      const stat = command + fields.with(START_TICKS_INDEX, OTHER_START).join(' ');
      await leaveStarted(directory, hostProcesses.bootId(), stat);
      expect(await world.hypervisor.kill(REF, wanted())).toMatchObject({
        outcome: 'done',
        ended: { reason: 'unknown' },
      });
      expect(await world.hypervisor.adopt(REF)).toMatchObject({ reality: 'ended', reason: 'unknown' });
    },
  );

  rule('is told to have ended in the same way for ever', async (world, directory) => {
    await leaveStarted(directory, hostProcesses.bootId(), ownStat().replace(/^\d+/, '4194304'));
    const first = await world.hypervisor.inspect(REF);
    writeFileSync(join(directory, 'end'), '137\n');
    expect(await (await world.reopen()).inspect(REF)).toEqual(first);
  });
});
