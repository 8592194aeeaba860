import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { until } from '../cli/daemon-process.ts';
import { addressOf, BRIDGE, type BridgedHost, bridgedHost, untilReachable } from './bridged-host.ts';

/**
 * A host of bridged guests as its operator meets it: two real VMs at addresses of their own, the daemon killed, the
 * bridge pulled away and made again at the next start, and nothing left of an instance that was deleted.
 */

const GIVEN = '10.77.0.2';
const ASKED = '10.77.3.3';
const BOOT_LIMIT_MS = 120_000;
const LIMIT_MS = 180_000;

/** The demo image once more, whose guest is ready when its port answers. */
function byPort(images: string): void {
  const demo = JSON.parse(readFileSync(join(images, 'demo', 'manifest.json'), 'utf8')) as Record<string, string>;
  const part = (name: string): string => join('..', 'demo', demo[name] ?? '');
  mkdirSync(join(images, 'by-port'));
  const manifest = { name: 'by-port', kernel: part('kernel'), initrd: part('initrd'), command_line: demo.command_line };
  writeFileSync(join(images, 'by-port', 'manifest.json'), JSON.stringify({ ...manifest, ready: 'port:80' }));
}

describe('bridged guests', { timeout: LIMIT_MS }, () => {
  let host: BridgedHost;
  const pidsOf = async (): Promise<(number | null)[]> => (await host.list()).map(({ pid }) => pid);
  /** From where connections to a port of a guest have come, as the kernel's table has them. */
  const sourcesOf = async (address: string, port: number): Promise<Set<string>> => {
    const table = await host.run('conntrack', '-L', '-p', 'tcp', '-d', address, '--dport', String(port));
    return new Set([...table.matchAll(/ src=(\S+) dst=\S+ sport=\d+ dport=\d+ .*src=/g)].map(([, from]) => from ?? ''));
  };

  beforeAll(async () => {
    host = await bridgedHost();
    await host.serve();
    byPort(join(host.place.data, 'images'));
  }, LIMIT_MS);
  afterAll(() => host.destroy(), LIMIT_MS);

  test('are asked whether they are ready from the address of probes, so that nobody takes it for traffic', async () => {
    await host.create('one');
    await host.create('two', '--address', ASKED, '--image', 'by-port');
    const areRunning = (views: readonly InstanceView[]): boolean => views.every(({ state }) => state === 'Running');
    await until(host.list, areRunning, BOOT_LIMIT_MS);
    const { network } = JSON.parse((await host.place.cli('host', 'status', '--json')).stdout) as {
      network: { probe_address: string };
    };
    expect(await sourcesOf(ASKED, 80)).toEqual(new Set([network.probe_address]));
  });

  test('are reached at the addresses that `ps` shows, and no address is given twice', async () => {
    const views = await untilReachable(host, ['one', 'two'], BOOT_LIMIT_MS);
    expect(views.map(addressOf)).toEqual([GIVEN, ASKED]);
    const { stdout } = await host.place.cli('ps');
    expect(stdout).toMatch(/^one .* 10\.77\.0\.2 /m);
    const again = await host.create('three', '--address', ASKED);
    expect(again.stderr).toMatch(
      /^statevisor: insufficient_resources: --address: 10\.77\.3\.3 is taken by the instance \S+\.\n$/,
    );
  });

  test('notice nothing of a daemon that is killed, and come back with the bridge when it is pulled away', async () => {
    const pids = await pidsOf();
    await host.daemon().end('SIGKILL');
    expect(await host.answering([GIVEN, ASKED])).toEqual([GIVEN, ASKED]);
    await host.run('ip', 'link', 'delete', 'dev', BRIDGE);
    expect(await host.answering([GIVEN, ASKED])).toEqual([]);
    await host.serve();
    await untilReachable(host, ['one', 'two'], BOOT_LIMIT_MS);
    expect(await pidsOf()).toEqual(pids);
    const { network } = JSON.parse((await host.place.cli('host', 'status', '--json')).stdout) as { network: unknown };
    const addresses = { used: 2, free: 65_530 };
    expect(network).toMatchObject({ bridge: BRIDGE, repairs: 1, problems_at_start: [], last_error: null, addresses });
  });

  test('leave nothing on the host but the bridge when they are deleted, which is removed by a command', async () => {
    const removed = await Promise.all(['one', 'two'].map((name) => host.place.cli('rm', name)));
    expect(removed.map(({ status }) => status)).toEqual([0, 0]);
    const devices = JSON.parse(await host.run('ip', '-json', 'link', 'show')) as { ifname: string }[];
    expect(devices.map(({ ifname }) => ifname)).toEqual(['lo', BRIDGE]);
    expect(await host.run('ip', 'neigh', 'show', 'nud', 'permanent')).toBe('');
    expect(await host.run('nft', 'list', 'set', 'bridge', 'statevisor', 'guests')).not.toContain('elements');
    await host.daemon().end('SIGTERM');
    expect(await host.place.cli('network', 'remove', '--bridge', BRIDGE)).toMatchObject({ status: 0, stderr: '' });
    expect(await host.run('ip', '-json', '-brief', 'link', 'show')).not.toContain(BRIDGE);
    expect(await host.run('nft', 'list', 'tables')).toBe('');
  });
});

describe('a daemon without the right to make a network', { timeout: LIMIT_MS }, () => {
  let host: BridgedHost;
  beforeAll(async () => {
    host = await bridgedHost({ powerless: true });
    await host.serve();
  }, LIMIT_MS);
  afterAll(() => host.destroy(), LIMIT_MS);

  test('says so at its start, and a bridged guest fails by the name of the right instead of booting', async () => {
    const isSaid = (printed: string): boolean => printed.includes('Network: no_rights: the daemon needs CAP_NET_ADMIN');
    await until(host.daemon().printed, isSaid, BOOT_LIMIT_MS);
    await host.create('one', '--restart', 'never');
    const view = await until(
      () => host.place.get('one'),
      ({ state }) => state === 'Stopped',
      BOOT_LIMIT_MS,
    );
    expect(view).toMatchObject({ pid: null, exit_message: expect.stringContaining('CAP_NET_ADMIN') });
    expect(await host.run('ip', '-json', '-brief', 'link', 'show')).not.toContain(BRIDGE);
  });
});
