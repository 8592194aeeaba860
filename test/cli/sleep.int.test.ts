/**
 * Goal: sleep, snapshots and forks from the command line, and a fork whose daemon is killed between its steps. Method: a
 * daemon in a process of its own, on the simulator, with the hands of fate.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StandbyReport } from '../../src/gateway/use-cases/standby-status.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { until } from './daemon-process.ts';
import { openSimulatedCommandLine, SIMULATED, type SimulatedCommandLine } from './simulated-command-line.ts';

const LIMIT_MS = 20_000;

let host: SimulatedCommandLine;
beforeAll(async () => {
  host = await openSimulatedCommandLine();
});
afterAll(() => host.destroy());

const done = (...args: string[]): Promise<string> => host.done(...args);
const refusal = (...args: string[]): Promise<string> => host.refusal(...args);

const read = <T>(...args: string[]): Promise<T> => host.read<T>(...args);
const get = (name: string): Promise<InstanceView> => read('get', name);

test('every part of standby and of the calendar can be said at a run and at an update', async () => {
  await done(
    ...['run', 'whole', '--detach', '--auto-standby', '10m', '--ignore-source', '10.9.9.9/8,fd00::/8'],
    ...['--ignore-port', '22,9100', '--max-asleep', '168h', '--after-max-asleep', 'delete'],
    ...['--standby-at', '0 22 * * 1-5', '--wake-at', '30 6 * * *', '--snapshot-at', '0 3 * * *'],
    ...['--snapshot-keep', '7', '--time-zone', 'Europe/Berlin'],
  );
  const berlin = { time_zone: 'Europe/Berlin' };
  expect(await get('whole')).toMatchObject({
    auto_standby: {
      enabled: true,
      idle_timeout: '10m0s',
      ignore_source_cidrs: ['10.0.0.0/8', 'fd00::/8'],
      ignore_destination_ports: [22, 9_100],
      max_asleep: { after: '168h0m0s', then: 'delete' },
    },
    schedules: {
      standby: { cron: '0 22 * * 1-5', ...berlin },
      wake: { cron: '30 6 * * *', ...berlin },
      snapshot: { cron: '0 3 * * *', ...berlin, keep: 7 },
    },
  });
  expect(await done('get', 'whole')).toMatch(/standby at 0 22 \* \* 1-5 \(Europe\/Berlin\); .*the newest 7 kept/);
  await done('update', 'whole', '--no-schedules', '--auto-standby', 'off');
  const view = await get('whole');
  expect([view.auto_standby, view.schedules]).toEqual([{ enabled: false }, undefined]);
  const { stdout, stderr, status } = await host.place.cli('update', 'whole', '--standby-at', '0 22 * * *');
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^whole {2}Running/)]);
  expect(stderr).toBe(
    'warning: nothing comes of the schedule for standby of whole without auto standby; --auto-standby switches that on\n',
  );
  expect(await get('whole')).toMatchObject({ next_scheduled: {}, schedules_in_vain: { standby: 'no policy' } });
  await done('update', 'whole', '--no-schedules');
});

test('what is refused names the flag that was typed', async () => {
  const told = (...flags: string[]): Promise<string> => refusal('update', 'whole', ...flags);
  expect(await told('--auto-standby', '10m', '--ignore-source', 'lan')).toMatch(
    /^invalid_auto_standby: --ignore-source: /,
  );
  expect(await told('--auto-standby', '10m', '--max-asleep', '0s')).toMatch(/^invalid_auto_standby: --max-asleep: /);
  expect(await told('--standby-at', '61 * * * *')).toMatch(/^invalid_schedules: --standby-at: .*61 is not valid/);
  expect(await told('--wake-at', '0 6 * * *', '--time-zone', 'Mars/Base')).toMatch(/^invalid_schedules: --time-zone: /);
  expect(await told('--ignore-port', '22')).toMatch(/give --auto-standby too/);
  expect(await told('--no-hooks', '--before-stop', 'x')).toMatch(/^invalid_request: --no-hooks .*--before-stop/);
  expect(await told('--snapshot-keep', '2')).toMatch(/needs --snapshot-at/);
  expect(await told('--time-zone', 'UTC')).toMatch(/needs --standby-at/);
});

test('the status of standby and a hold are told in words', async () => {
  const { id } = await read<InstanceView>('run', 'web', '--auto-standby', '1h');
  await host.fate.traffic(id, { open: 'c1' });
  const report = await until(
    () => read<StandbyReport>('standby', 'web', '--status'),
    ({ status }) => status === 'active',
    LIMIT_MS,
  );
  expect(report).toMatchObject({ active_inbound_connections: 1, why_awake: 'connection' });
  expect(await done('standby', 'web', '--status')).toMatch(/status +active: somebody talks to it\n/);
  expect(await done('hold', 'web', '--for', '2h')).toMatch(/^web is held until .* \(in (2h|1h59m)/);
  expect(await done('get', 'web')).toMatch(/^held until +\S+Z \(in (2h|1h59m)/m);
  // 400 days have to be said in hours: the message says so.
  expect(await refusal('hold', 'web', '--for', '400d')).toMatch(
    /^invalid_request: --for must be a valid duration such as .*: units from ms to h, at most 876000h0m0s/,
  );
  expect(await done('hold', 'whole')).toMatch(/^whole is not held: disabled \(switched off\)$/);
  await done('standby', 'web');
  expect(await refusal('hold', 'web')).toMatch(/^instance_in_standby: /);
  await done('restore', 'web');
});

test('one that cannot be woken is told with the reason and the way out', async () => {
  await done('standby', 'web');
  const { id } = await get('web');
  await host.fate.setFault(id, 'restore', 'fail');
  const told = await refusal('restore', 'web');
  expect(told).toMatch(/^not_reached: web is Standby, not Running: .+\. It sleeps as before; `stop` gives/);
  expect(told).toContain((await get('web')).state_error!);
  await host.fate.setFault(id, 'restore', 'ok');
  await done('restore', 'web');
});

test('snapshots are taken, listed, brought back and deleted', async () => {
  expect(await done('snapshot', 'create', 'web', 'before')).toBe('before of web taken');
  expect(await done('snapshot', 'ls', 'web')).toMatch(
    /^NAME +RUN +TAKEN +SIZE +BY\nbefore +\d +\d+s ago +\d+MB +admin$/,
  );
  expect(await refusal('snapshot', 'restore', 'web', 'before')).toMatch(/^invalid_state: /);
  await done('stop', 'web');
  expect(await done('snapshot', 'restore', 'web', 'before', '--then', 'standby')).toMatch(/^web +Standby/);
  expect(await done('restore', 'web')).toMatch(/^web +Running/);
  expect(await done('snapshot', 'rm', 'web', 'before')).toBe('before of web deleted');
  expect(await refusal('snapshot', 'rm', 'web', 'before')).toMatch(/^snapshot_not_found: /);
});

test('a fork whose daemon is killed while the copy is made is there once, and leaves nothing', async () => {
  expect(await refusal('fork', 'web', 'copy')).toMatch(/--from-running/);
  const source = await get('web');
  await host.fate.setFault('*', 'fork_snapshot', { slow: 30_000 });
  const broken = done('fork', 'web', 'copy', '--from-running').catch((error: unknown) => error);
  await until(
    async () => (await read<InstanceView[]>('ps')).find(({ name }) => name === 'copy')?.phase,
    (phase) => phase === 'forking',
    LIMIT_MS,
  );
  await host.daemon.end('SIGKILL');
  expect(await broken).toBeInstanceOf(Error);
  await host.fate.setFault('*', 'fork_snapshot', 'ok');
  host.daemon = await host.place.serve(...SIMULATED);
  const copy = await until(
    () => get('copy'),
    ({ state }) => state === 'Running',
    LIMIT_MS,
  );
  expect(copy.forked_from?.instance).toBe(source.id);
  const after = await until(
    () => get('web'),
    ({ snapshots }) => snapshots === undefined,
    LIMIT_MS,
  );
  expect(after).toMatchObject({ state: 'Running', run: source.run });
  expect((await read<InstanceView[]>('ps')).filter(({ name }) => name === 'copy')).toHaveLength(1);
});
