import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { SNAPSHOT_ERRORS } from '../../src/actors/contracts/hypervisor.ts';
import type { Endpoints } from '../../src/cli/data-directory.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { damageSnapshot } from '../adapters/qemu/damage-snapshot.ts';
import { vmmsUnder } from '../adapters/qemu.world.ts';
import { addressOf, type BridgedHost, bridgedHost, untilReachable } from '../bridge/bridged-host.ts';
import { type Answer, type Client, startClient } from './client.ts';

/**
 * Goal: who slept is who wakes. Method: one real VM on a bridge, put to sleep while a client is connected to it; each kind
 * of damage done to its snapshot; then woken. The client, the guest's uptime, its boot and its clock tell.
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
  const guest = async (): Promise<Told> => {
    const [uptime = '', now = '', boot = ''] = (await client.ask(`http://${address}/cgi-bin/now`)).text
      .trim()
      .split(' ');
    return { uptimeMs: Number(uptime) * 1_000, nowMs: Number(now) * 1_000, boot };
  };
  /** Why the newest restore was refused, as the record has it. */
  const refusal = async (): Promise<string | undefined> => {
    const { records } = JSON.parse((await daemon('GET', '/history?limit=100')).text) as { records: HistoryRecord[] };
    return records.findLast(({ event }) => event.type === 'effect.failed')?.event.error?.code;
  };
  const snapshots = async (): Promise<string> => join(host.place.data, 'instances', (await view()).id, 'snapshots');

  beforeAll(async () => {
    host = await bridgedHost();
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

  test('wakes as who it was: its uptime goes on, its clock is right, and its client is still connected', async () => {
    expect((await daemon('POST', '/restore?wait=30s')).status).toBe(200);
    expect(await client.echo('after'), 'over the connection from before').toBe('after');
    const awake = await guest();
    expect(Math.abs(awake.nowMs - clock.now())).toBeLessThanOrEqual(CLOCK_TOLERANCE_MS);
    expect(awake.boot).toBe(asleep.boot);
    expect(awake.uptimeMs).toBeGreaterThan(asleep.uptimeMs);
    expect(awake.uptimeMs - asleep.uptimeMs, 'it stood still meanwhile').toBeLessThan(clock.now() - asleep.nowMs);
    expect(readdirSync(await snapshots())).toEqual([]);
  });
});
