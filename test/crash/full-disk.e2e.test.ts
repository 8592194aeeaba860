import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { endProcessesOf } from '../left-processes.ts';
import { check } from './checker.ts';
import { type DoorAndToken, endWorld, makeTestedDirectory } from './daemon-process.ts';
import { ask, getView, must } from './door.ts';
import { createKeeper, type Keeper } from './keeper.ts';
import { createSender, type Driver } from './load-driver.ts';
import { controlWorldOf } from './simulated-load.ts';
import { entriesOf } from './verdict.ts';

/** The data directory on a small disk of its own that somebody else fills up. */

const DISK_BYTES = 16_777_216;
/** Left free by the one who fills the disk: the last ordinary records eat it up. */
const LEFT_BYTES = 262_144;
const UNMOUNT_LIMIT_MS = 10_000;
const CREATES_MAX = 2_000;
const POLICY = { policy: 'always', backoff: '100ms', stable_after: '1h' };

let directory: string;
let destroy: () => Promise<void>;
let keeper: Keeper;
let driver: Driver;

beforeEach(async () => {
  ({ directory, destroy } = await makeTestedDirectory());
  mkdirSync(directory);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'statevisor-test', directory]);
  keeper = createKeeper(directory, 'simulator');
  driver = createSender(keeper.door);
});
afterEach(async () => {
  await keeper.kill('SIGKILL');
  await endWorld(directory);
  // A world that a daemon began to start on a busy machine comes up once the one before it is gone.
  endProcessesOf(directory);
  // Processes that were just killed hold the disk for a moment longer.
  await untilTrue(() => spawnSync('umount', [directory]).status === 0, 'the disk lets go', UNMOUNT_LIMIT_MS);
  await destroy();
});

const filler = (): string => join(directory, 'somebody-elses-file');

function fillDisk(leave = LEFT_BYTES): void {
  const { bavail, bsize } = statfsSync(directory);
  writeFileSync(filler(), Buffer.alloc(Math.max(0, bavail * bsize - leave)));
}

async function create(name: string): Promise<string> {
  const body = { name, image: 'demo', stop_timeout: '1s', restart_policy: POLICY };
  const id = await driver.send('create', null, { method: 'POST', path: '/v1/instances', body });
  assert.ok(id !== null, `${name} was refused`);
  return id;
}

async function phaseIs(door: DoorAndToken, id: string, phase: string): Promise<void> {
  await untilTrue(async () => (await getView(door, id)).phase === phase, `${id} is ${phase}`);
}

/** Creates stopped instances until the disk has no room for another; answers how the last one was refused. */
async function createUntilRefused(door: DoorAndToken): Promise<unknown> {
  for (let serial = 0; serial < CREATES_MAX; serial++) {
    const body = { name: `filling-${serial}`, image: 'demo', start: false };
    const answer = await ask(door, 'POST', '/v1/instances', { body });
    assert.ok(answer !== null, 'the daemon did not answer');
    if (answer.status !== 201) return { status: answer.status, ...(answer.body as object) };
  }
  return assert.fail('the disk never ran full');
}

describe('on a full disk', () => {
  test('creating is refused, stopping works, ends are recorded, and room brings everything back', async () => {
    const { door } = await keeper.start();
    assert.ok(door !== null, 'the daemon ended before it was ready');
    const world = controlWorldOf(directory);
    try {
      const stopped = await create('stopped');
      const ended = await create('ended');
      for (const id of [stopped, ended]) await phaseIs(door, id, 'running');

      fillDisk();
      expect(await createUntilRefused(door)).toMatchObject({ status: 503, code: 'log_full' });
      const refused = await ask(door, 'POST', `/v1/instances/${stopped}/restart`);
      expect(refused).toMatchObject({ status: 503, body: { code: 'log_full' } });

      expect(await driver.send('stop', stopped, { method: 'POST', path: `/v1/instances/${stopped}/stop` })).toBe(
        stopped,
      );
      await phaseIs(door, stopped, 'stopped');
      expect(await world.countVmms(stopped)).toBe(0);

      await world.guestExit(ended, 3);
      await untilTrue(async () => (await getView(door, ended)).run === 2, 'the end is recorded and a restart follows');

      await keeper.kill('SIGKILL');
      const again = await keeper.start();
      assert.ok(again.door !== null, 'the daemon does not start on a full disk');
      expect((await getView(again.door, stopped)).phase).toBe('stopped');
      expect(await ask(again.door, 'POST', `/v1/instances/${stopped}/start`)).toMatchObject({ status: 503 });

      rmSync(filler());
      const path = `/v1/instances/${stopped}/start`;
      await untilTrue(async () => (await ask(again.door!, 'POST', path))?.status === 202, 'a start is accepted again');
      await phaseIs(again.door, stopped, 'running');
      await must(again.door, 'DELETE', `/v1/instances/${ended}`);
      await create('another');
      await keeper.kill('SIGTERM');
      const entries = await entriesOf(directory);
      expect(check({ ...driver, journal: await world.journal(), entries, views: null })).toEqual([]);
    } finally {
      await world.close();
    }
  });

  test('that had no byte left before the daemon was started: it starts on its ballast, and what runs can be stopped', async () => {
    assert.ok((await keeper.start()).door !== null, 'the daemon ended before it was ready');
    const running = await create('running');
    await keeper.kill('SIGKILL');
    fillDisk(0);
    const { door } = await keeper.start();
    assert.ok(door !== null, 'the daemon does not start on a full disk');
    const body = { name: 'one-more', image: 'demo' };
    expect(await ask(door, 'POST', '/v1/instances', { body })).toMatchObject({
      status: 503,
      body: { code: 'log_full' },
    });
    await must(door, 'POST', `/v1/instances/${running}/stop`);
    await phaseIs(door, running, 'stopped');
    rmSync(filler());
    await untilTrue(
      async () => (await ask(door, 'POST', `/v1/instances/${running}/start`))?.status === 202,
      'a start is accepted again',
    );
    await keeper.kill('SIGTERM');
  });
});
