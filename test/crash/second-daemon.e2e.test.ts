import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { errorsFile, makeTestedDirectory, startDaemonProcess } from './daemon-process.ts';
import { getView, must } from './door.ts';
import { NO_FAULTS } from './fault-plan.ts';
import { createKeeper, type Keeper } from './keeper.ts';

let directory: string;
let destroy: () => Promise<void>;
let keeper: Keeper;

beforeEach(async () => {
  ({ directory, destroy } = await makeTestedDirectory());
  keeper = createKeeper(directory, 'simulator');
});
afterEach(async () => {
  await keeper.kill('SIGKILL');
  await destroy();
});

describe('a second daemon on the same data directory', () => {
  test('is refused by name while the first one and its VM go on, and a third may come when the first is gone', async () => {
    const { daemon, door } = await keeper.start();
    assert.ok(door !== null, 'the first daemon ended');
    const body = { name: 'web', image: 'demo' };
    const { id } = (await must(door, 'POST', '/v1/instances', { body })).body as { id: string };
    await untilTrue(async () => (await getView(door, id)).phase === 'running', 'the instance runs');
    const { pid } = await getView(door, id);

    const second = startDaemonProcess(directory, 'simulator');
    const end = await second.ended;
    expect(end.code).toBe(1);
    expect(await second.ready()).toBeNull();
    const said = readFileSync(errorsFile(directory), 'utf8');
    expect(said).toContain('data_directory_in_use');
    expect(said).toContain(String(daemon.pid));

    expect(await keeper.door()).toEqual(door);
    await must(door, 'POST', `/v1/instances/${id}/stop`);
    await untilTrue(async () => (await getView(door, id)).phase === 'stopped', 'the first daemon stops the instance');
    await must(door, 'POST', `/v1/instances/${id}/start`);
    await untilTrue(async () => (await getView(door, id)).phase === 'running', 'the first daemon starts it again');
    expect((await getView(door, id)).pid).not.toBe(pid);

    await keeper.kill('SIGKILL');
    const third = await keeper.start();
    assert.ok(third.door !== null, 'the third daemon ended');
    expect((await getView(third.door, id)).phase).toBe('running');
  });

  test.for([
    ['memory', 'memory'],
    ['sqlite', 'memory'],
  ] as const)('is refused with a log that could be shared too: %s, then %s', async ([ofFirst, ofSecond]) => {
    const first = startDaemonProcess(directory, 'simulator', NO_FAULTS, ofFirst);
    assert.ok((await first.ready()) !== null, 'the first daemon ended');
    const second = startDaemonProcess(directory, 'simulator', NO_FAULTS, ofSecond);
    try {
      expect(await second.ready()).toBeNull();
      expect(await second.ended).toMatchObject({ code: 1 });
      const said = readFileSync(errorsFile(directory), 'utf8');
      expect(said).toContain(`the data directory ${directory} is in use by process ${first.pid}`);
      expect(said).toContain('data_directory_in_use');
    } finally {
      await Promise.all([first.kill('SIGKILL'), second.kill('SIGKILL')]);
    }
    const third = startDaemonProcess(directory, 'simulator', NO_FAULTS, ofSecond);
    assert.ok((await third.ready()) !== null, 'the lock outlived the process that had it');
    await third.kill('SIGKILL');
  });
});
