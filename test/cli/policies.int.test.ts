/**
 * Goal: policies are given, looked at and stepped into from the command line. Method: a daemon in a process of its own, on
 * the simulator, with the hands of fate.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { until } from './daemon-process.ts';
import { openSimulatedCommandLine, type SimulatedCommandLine } from './simulated-command-line.ts';

const LIMIT_MS = 20_000;

let host: SimulatedCommandLine;
beforeAll(async () => {
  host = await openSimulatedCommandLine();
});
afterAll(() => host.destroy());

const done = (...args: string[]): Promise<string> => host.done(...args);
const refusal = (...args: string[]): Promise<string> => host.refusal(...args);

const get = (name: string): Promise<InstanceView> => host.read('get', name);
const seen = (name: string, good: (view: InstanceView) => boolean): Promise<InstanceView> =>
  until(() => get(name), good, LIMIT_MS);

/** Kills the guest twice: the first attempt comes at once, the second one waits. */
async function intoBackoff(name: string, id: string): Promise<void> {
  await host.fate.sigkill(id);
  await seen(name, ({ state, run }) => state === 'Running' && run === 2);
  await host.fate.sigkill(id);
  await seen(name, ({ phase }) => phase === 'backoff');
}

test('every part of every policy can be said at a run and at an update', async () => {
  await done(
    ...['run', 'whole', '--detach', '--restart', 'on_failure:4', '--backoff', '2s', '--backoff-max', '1m'],
    ...[
      '--jitter',
      '0.2',
      '--stable-after',
      '5m',
      '--stability-period',
      '90s',
      '--restart-on',
      '0',
      '--never-on',
      '2,64',
    ],
    ...[
      '--health',
      'https:8443/up?deep=1',
      '--health-interval',
      '5s',
      '--health-timeout',
      '1s',
      '--health-status',
      '204',
    ],
    ...['--health-start-period', '0s', '--health-failures', '2', '--health-successes', '3', '--health-insecure'],
    ...['--auto-standby', '10m', '--expires-at', '2999-01-01T00:00:00Z', '--on-expiry', 'delete'],
  );
  const view = await get('whole');
  expect(view).toMatchObject({
    restart_policy: {
      policy: 'on_failure',
      max_attempts: 4,
      backoff: '2s',
      backoff_max: '1m0s',
      jitter: 0.2,
      stable_after: '5m0s',
      stability_period: '1m30s',
      exit_codes: { restart: [0], never: [2, 64] },
    },
    health_check: {
      type: 'http',
      http: { port: 8443, path: '/up?deep=1', scheme: 'https', expected_status: 204, tls_verify: false },
      interval: '5s',
      timeout: '1s',
      start_period: '0s',
      failure_threshold: 2,
      success_threshold: 3,
    },
    auto_standby: { enabled: true, idle_timeout: '10m0s' },
    expires_at: '2999-01-01T00:00:00.000Z',
  });
  // A guest without an address of its own is reached at forwarded ports only, so the check's is one of them.
  expect(view.network.ports.map(({ guest_port }) => guest_port)).toContain(8443);
  await done('update', 'whole', '--restart', 'always', '--delays', '1s,10s', '--health', 'exec:test -e /ready');
  expect(await get('whole')).toMatchObject({
    restart_policy: { policy: 'always', delays: ['1s', '10s'] },
    health_check: { type: 'exec', exec: { command: ['test', '-e', '/ready'] } },
    auto_standby: { enabled: true },
  });
  await done('rm', 'whole');
});

test('what is refused names the flag that was typed', async () => {
  await done('run', 'named', '--restart', 'never');
  expect(await refusal('update', 'named', '--restart', 'always', '--backoff', '0s')).toBe(
    'invalid_restart_policy: --backoff: restart_policy.backoff must be a positive duration.',
  );
  expect(await refusal('update', 'named', '--health', 'tcp:80', '--health-timeout', '1h')).toMatch(
    /--health-timeout: /,
  );
  expect(await refusal('update', 'named', '--backoff', '1s')).toMatch(/give --restart too/);
  expect(await refusal('update', 'named', '--health-interval', '1s')).toMatch(/give --health too/);
  expect(await refusal('run', 'other', '--restart', 'always:3', '--max-attempts', '4')).toMatch(
    /leave out --max-attem/,
  );
  await done('rm', 'named');
});

test('a pending restart is counted down, told in words, and can be done without', async () => {
  const view = JSON.parse(await done('run', 'web', '--restart', 'on_failure:5', '--backoff', '10m', '--json'));
  await intoBackoff('web', (view as InstanceView).id);
  expect(await done('ps')).toMatch(/^web +Stopped \(backoff, in \d+m\d+s\) +running +2 +1 of 5 /m);
  const told = await done('get', 'web');
  expect(told).toMatch(/^next restart +in \d+m\d+s, for its end; waits for backoff$/m);
  expect(told).toMatch(/^causes +\S+Z {2}attempt 1 for its end: .*killed/m);
  expect(told).toMatch(/^forecast +if it failed at once each time: attempt 2 in .*; gives up after 5$/m);
  await done('restart', 'web', '--cancel');
  expect(await get('web')).toMatchObject({ wanted: 'running', restart: { waived: true }, phase: 'failed' });
  expect(await refusal('restart', 'web', '--cancel')).toMatch(/^invalid_state: No automatic restart is pending/);
  await done('restart', 'web', '--reset');
  expect((await get('web')).restart_status).toBeUndefined();
  await done('stop', 'web');
  expect(await refusal('restart', 'web', '--reset')).toMatch(/^invalid_state: .*`start` opens a new window/);
  expect(await refusal('update', 'web')).toMatch(/^invalid_request: .*--restart.*--health.*--ttl/);
  const { id } = await get('web');
  expect(await done('rm', 'web')).toBe(`web removed; its history: statevisor history ${id}`);
});

test('several are removed at once, and one that is not there keeps no other', async () => {
  for (const name of ['one', 'two']) await done('run', name, '--detach');
  expect(await refusal('rm', 'one', 'missing', 'two')).toMatch(/^not_found: .*missing/);
  expect(await done('ps', '--json')).toBe('[]');
});
