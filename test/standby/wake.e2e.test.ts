import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { SNAPSHOT_ERRORS } from '../../src/actors/contracts/hypervisor.ts';
import type { Endpoints } from '../../src/cli/data-directory.ts';
import type { SnapshotList } from '../../src/gateway/use-cases/snapshots.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { damageSnapshot, flipByte } from '../adapters/qemu/damage-snapshot.ts';
import { vmmsUnder } from '../adapters/qemu.world.ts';
import { addressOf, type BridgedHost, bridgedHost, untilReachable } from '../bridge/bridged-host.ts';
import { until } from '../cli/daemon-process.ts';
import { type Answer, type Client, startClient } from './client.ts';

/**
 * Goal: who slept is who wakes, and so is who is brought back from a snapshot or made as a fork. Method: one real VM on a
 * bridge, put to sleep while a client is connected to it; each kind of damage done to its snapshot; then woken, kept under a
 * name, forked and brought back. The client, the guest's uptime, its boot and its clock tell.
 */

const BOOT_LIMIT_MS = 120_000;
const LIMIT_MS = 180_000;
const CLOCK_TOLERANCE_MS = 1_000;
const NAME = 'sleeper';
const clock = systemClock();

interface HistoryRecord {
  readonly event: { readonly type: string; readonly error?: { readonly code: string } };
}

interface Told {
  readonly uptimeMs: number;
  readonly nowMs: number;
  /** By how much the guest's clock is beside the host's, at the least: between question and answer it may have looked at any time. */
  readonly asideMs: number;
  readonly boot: string;
}

describe('a guest that is put to sleep', { timeout: LIMIT_MS }, () => {
  let host: BridgedHost;
  let client: Client;
  let asleep: Told;
  let address: string;
  const daemon = (method: string, path: string): Promise<Answer> => {
    const text = readFileSync(join(host.place.data, 'endpoints.json'), 'utf8');
    const { http, token_file } = JSON.parse(text) as Endpoints;
    return client.ask(`${http}/v1/instances/${NAME}${path}`, {
      method,
      token: readFileSync(token_file, 'utf8').trim(),
    });
  };
  const view = async (): Promise<InstanceView> => JSON.parse((await daemon('GET', '')).text) as InstanceView;
  const guest = async (at = address): Promise<Told> => {
    const askedAt = clock.now();
    const [uptime = '', now = '', boot = ''] = (await client.ask(`http://${at}/cgi-bin/now`)).text.trim().split(' ');
    const nowMs = Number(now) * 1_000;
    const asideMs = Math.max(askedAt - nowMs, nowMs - clock.now(), 0);
    return { uptimeMs: Number(uptime) * 1_000, nowMs, asideMs, boot };
  };
  /** Why the newest restore was refused, as the record has it. */
  const refusal = async (): Promise<string | undefined> => {
    const { records } = JSON.parse((await daemon('GET', '/history?limit=100')).text) as { records: HistoryRecord[] };
    return records.findLast(({ event }) => event.type === 'effect.failed')?.event.error?.code;
  };
  const snapshots = async (): Promise<string> => join(host.place.data, 'instances', (await view()).id, 'snapshots');

  beforeAll(async () => {
    host = await bridgedHost({ flags: ['--verify-ram'] });
    await host.serve();
    await host.create(NAME);
    const [running] = await untilReachable(host, [NAME], BOOT_LIMIT_MS);
    if (running === undefined) throw new Error('The instance is not there.');
    address = addressOf(running);
    client = startClient(host.enter, address);
  }, LIMIT_MS);
  afterAll(async () => {
    client?.close();
    await host.destroy();
  }, LIMIT_MS);

  test('has no VMM, and its memory is in its snapshot and nowhere else', async () => {
    expect(await client.echo('before')).toBe('before');
    asleep = await guest();
    expect((await daemon('POST', '/standby?wait=30s')).status).toBe(200);
    expect((await view()).state).toBe('Standby');
    expect(await vmmsUnder(host.place.data)).toEqual([]);
    const [name = ''] = readdirSync(await snapshots());
    expect(readdirSync(join(await snapshots(), name)).sort()).toEqual(['manifest.json', 'memory', 'state']);
  });

  test('stays asleep when its snapshot is damaged, and the refusal names the damage', async () => {
    const place = await snapshots();
    const [name = ''] = readdirSync(place);
    const [kept, damaged] = [join(host.place.data, 'kept'), join(place, name)];
    renameSync(damaged, kept);
    for (const code of SNAPSHOT_ERRORS) {
      execFileSync('cp', ['--archive', kept, damaged]);
      await damageSnapshot(damaged, code);
      const before = existsSync(damaged) ? readdirSync(damaged) : null;
      await daemon('POST', '/restore?wait=30s');
      expect(await refusal()).toBe(code);
      expect(await view()).toMatchObject({ state: 'Standby', has_snapshot: true, state_error: expect.any(String) });
      expect(existsSync(damaged) ? readdirSync(damaged) : null, 'it is as it was').toEqual(before);
      expect(await vmmsUnder(host.place.data)).toEqual([]);
      rmSync(damaged, { recursive: true, force: true });
    }
    renameSync(kept, damaged);
  });

  test('stays asleep when one byte of its memory was changed and no time shows it', async () => {
    const place = await snapshots();
    const [name = ''] = readdirSync(place);
    const [memory, times] = [join(place, name, 'memory'), join(host.place.data, 'times')];
    writeFileSync(times, '');
    execFileSync('touch', ['--reference', memory, times]);
    const flip = (): void => {
      flipByte(memory, 64 * 1_048_576);
      execFileSync('touch', ['--reference', times, memory]);
    };
    flip();
    await daemon('POST', '/restore?wait=30s');
    expect(await refusal()).toBe('memory_altered');
    expect(await view()).toMatchObject({
      state: 'Standby',
      state_error: expect.stringContaining('not what was saved'),
    });
    flip();
  });

  test('stays asleep while somebody else has its address, and the refusal says so', async () => {
    const [name = ''] = readdirSync(await snapshots());
    const files = readdirSync(join(await snapshots(), name));
    await host.run('ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
    await daemon('POST', '/restore?wait=30s');
    expect(await refusal()).toBe('address_taken');
    expect(await view()).toMatchObject({ state: 'Standby', has_snapshot: true, state_error: expect.any(String) });
    expect(readdirSync(join(await snapshots(), name)), 'it is as it was').toEqual(files);
    expect(await vmmsUnder(host.place.data)).toEqual([]);
    await host.run('ip', 'address', 'delete', `${address}/32`, 'dev', 'lo');
  });

  test('wakes as who it was: its uptime goes on, its clock is right, and its client is still connected', async () => {
    expect((await daemon('POST', '/restore?wait=30s')).status).toBe(200);
    expect(await client.echo('after'), 'over the connection from before').toBe('after');
    const awake = await guest();
    expect(awake.asideMs).toBeLessThanOrEqual(CLOCK_TOLERANCE_MS);
    expect(awake.boot).toBe(asleep.boot);
    expect(awake.uptimeMs).toBeGreaterThan(asleep.uptimeMs);
    expect(awake.uptimeMs - asleep.uptimeMs, 'it stood still meanwhile').toBeLessThan(clock.now() - asleep.nowMs);
    expect(readdirSync(await snapshots())).toEqual([]);
  });

  test('is kept under a name and forked, and its client notices nothing; the fork answers at an address of its own', async () => {
    const before = await guest();
    expect((await daemon('POST', '/snapshots?name=kept&wait=30s')).status).toBe(200);
    expect(await client.echo('kept')).toBe('kept');
    const forked = await daemon('POST', '/fork?name=copy&from_running=true&wait=60s');
    const copy = JSON.parse(forked.text) as InstanceView;
    expect([forked.status, copy.state, addressOf(copy) === address]).toEqual([201, 'Running', false]);
    const told = await guest(addressOf(copy));
    expect([told.boot, told.uptimeMs >= before.uptimeMs]).toEqual([before.boot, true]);
    expect(await client.echo('forked')).toBe('forked');
    const { snapshots: listed } = JSON.parse((await daemon('GET', '/snapshots')).text) as SnapshotList;
    expect(listed).toMatchObject([{ name: 'kept', run: (await view()).run }]);
    expect(listed[0]?.size_bytes).toBeGreaterThan(0);
  });

  test('goes on from that snapshot once it was stopped, and the snapshot stays until it is deleted', async () => {
    const before = await guest();
    expect((await daemon('POST', '/stop?force=true&wait=60s')).status).toBe(200);
    expect((await daemon('POST', '/snapshots/kept/restore?wait=60s')).status).toBe(200);
    const again = await guest();
    expect(again.boot).toBe(before.boot);
    expect(again.uptimeMs - before.uptimeMs, 'it was taken back to then').toBeLessThan(clock.now() - before.nowMs);
    expect(again.asideMs).toBeLessThanOrEqual(CLOCK_TOLERANCE_MS);
    expect(readdirSync(await snapshots())).toEqual(['kept']);
    expect((await daemon('DELETE', '/snapshots/kept?wait=30s')).status).toBe(200);
    const place = await snapshots();
    await until(
      async () => readdirSync(place),
      (left) => left.length === 0,
      LIMIT_MS,
    );
  });
});
