/** Goal: `get` and `ps` tell people how an instance is, in words, and count down. Method: views as the daemon answers them. */
import { describe, expect, test } from 'vitest';
import { instanceRows } from '../../src/cli/instance-words.ts';
import { instanceTable } from '../../src/cli/output.ts';
import type { WholeView } from '../../src/gateway/use-cases/readings.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const at = (offsetMs: number): string => new Date(NOW + offsetMs).toISOString();

const plain: WholeView = {
  id: '01hzzzzzzzzzzzzzzzzzzzzzzz',
  name: 'web',
  image: 'demo',
  state: 'Running',
  phase: 'running',
  state_error: null,
  wanted: 'running',
  created_at: at(-60_000),
  started_at: at(-50_000),
  stopped_at: null,
  exit_code: null,
  exit_message: null,
  exit_reason: null,
  has_snapshot: false,
  size: '128MB',
  vcpus: 1,
  network: { enabled: true, mode: 'user', ports: [{ host_port: 20_000, guest_port: 80 }] },
  run: 3,
  pid: 4711,
  health_status: { status: 'disabled', consecutive_successes: 0, consecutive_failures: 0 },
  expires_at: null,
  version: 9,
};

const waiting: WholeView = {
  ...plain,
  state: 'Stopped',
  phase: 'backoff',
  pid: null,
  exit_reason: 'power_off',
  exit_code: 3,
  restart_policy: { policy: 'on_failure', backoff: '30s', backoff_max: '5m0s', max_attempts: 4, stable_after: '10m0s' },
  restart_status: { attempts: 1, last_attempt_at: at(-20_000), next_attempt_at: at(11_500) },
  restart: {
    pending: { cause: 'exit', waits_for: 'backoff', not_before: at(11_500) },
    causes: [{ attempt: 1, at: at(-20_000), cause: 'exit', detail: 'power_off, code 3' }],
  },
  restart_forecast: {
    attempts: [2, 3, 4].map((attempt) => ({ attempt, not_before: at(attempt * 10_000) })),
    gives_up_after: 4,
    unbounded: false,
  },
};

const sick: WholeView = {
  ...plain,
  health_check: {
    type: 'http',
    http: { port: 80, path: '/up', scheme: 'http', expected_status: 200 },
    interval: '5s',
    timeout: '2s',
    start_period: '30s',
    failure_threshold: 3,
    success_threshold: 1,
  },
  health_status: {
    status: 'unhealthy',
    consecutive_successes: 0,
    consecutive_failures: 12,
    last_checked_at: at(-2_000),
    last_error: 'The answer has status 503, not 200.',
  },
  probes: { missed: 0, last_results: [{ at: at(-2_000), duration_ms: 3.7, result: 'failed', error: 'Status 503.' }] },
};

const told = (view: WholeView): Map<string, string> =>
  new Map(instanceRows(view, NOW).map(([name = '', words = '']) => [name, words]));

describe('get', () => {
  test('says of one that sleeps where its memory is, and nothing of an end that was none', () => {
    const asleep = { ...waiting, state: 'Standby', phase: 'standby', exit_reason: 'killed', stopped_at: at(-5_000) };
    const words = told({ ...asleep, has_snapshot: true, restart: undefined, restart_status: undefined } as WholeView);
    expect(words.get('snapshot')).toBe('the one that it sleeps in');
    expect(['stopped', 'exit', 'forecast'].filter((row) => words.has(row))).toEqual([]);
  });

  test('tells what there is, and nothing raw', () => {
    const rows = instanceRows(plain, NOW);
    expect(Object.fromEntries(rows)).toMatchObject({
      state: 'Running',
      run: '3',
      pid: '4711',
      size: '128MB, 1 vcpu',
      network: '127.0.0.1:20000 -> 80',
      'restart policy': 'never',
    });
    for (const [, words] of [...rows, ...instanceRows(waiting, NOW), ...instanceRows(sick, NOW)]) {
      expect(words).not.toMatch(/[{}]|undefined|null|\[object/);
    }
  });

  test('counts down to a pending restart and tells why it comes', () => {
    const rows = told(waiting);
    expect(rows.get('state')).toBe('Stopped (backoff, in 12s)');
    expect(rows.get('next restart')).toBe('in 12s, for its end; waits for backoff');
    expect(rows.get('attempts')).toBe('1 of 4');
    expect(rows.get('causes')).toBe(`${at(-20_000)}  attempt 1 for its end: power_off, code 3`);
    expect(rows.get('restart policy')).toBe(
      'on_failure; at most 4 attempts; backoff 30s growing to 5m0s; stable after 10m0s',
    );
  });

  test('tells what would follow, and when it gives up', () => {
    expect(told(waiting).get('forecast')).toBe(
      'if it failed at once each time: attempt 2 in 20s, 3 in 30s, 4 in 40s; gives up after 4',
    );
    const forever = { attempts: waiting.restart_forecast!.attempts, gives_up_after: null, unbounded: true };
    expect(told({ ...waiting, restart_forecast: forever }).get('forecast')).toMatch(/; never gives up$/);
  });

  test('what is foretold for the instant of the answer comes at once, and never lies in the past', () => {
    const attempts = [1, 2].map((attempt) => ({ attempt, not_before: at((attempt - 1) * 5_000 - 3) }));
    const soon = { attempts, gives_up_after: 2, unbounded: false };
    expect(told({ ...waiting, restart_forecast: soon }).get('forecast')).toMatch(/attempt 1 at once, 2 in 5s;/);
  });

  test('names the exit code that the policy excepts, when that is why nothing follows', () => {
    const nothing = { attempts: [], gives_up_after: 0, unbounded: false };
    const excepted: WholeView = {
      ...waiting,
      phase: 'stopped',
      exit_code: 2,
      restart_policy: { ...waiting.restart_policy!, exit_codes: { never: [2, 64] } },
      restart_status: {},
      restart: {},
      restart_forecast: nothing,
    };
    expect(told(excepted).get('forecast')).toBe('nothing automatic follows; not restarted: exit code 2 is in never');
    for (const other of [{ exit_code: 3 }, { wanted: 'stopped' as const }, { restart: { waived: true as const } }]) {
      expect(told({ ...excepted, ...other }).get('forecast')).toBe('nothing automatic follows');
    }
  });

  test('causes of an earlier window are told apart from those of the present one', () => {
    const causes = [1, 2, 1].map((attempt, index) => {
      return { attempt, at: at(-30_000 + index), cause: 'exit' as const, detail: 'panic' };
    });
    const labels = (attempts: number | undefined): string[] => {
      const view = { ...waiting, restart: { causes }, restart_status: attempts === undefined ? {} : { attempts } };
      return instanceRows(view, NOW).flatMap(([name = '', words = '']) => (words.includes('panic') ? [name] : []));
    };
    expect(labels(1)).toEqual(['earlier causes', '', 'causes']);
    expect(labels(undefined)).toEqual(['earlier causes', '', '']);
    expect(labels(12)).toEqual(['causes', '', '']);
  });

  test.each([
    [{ blocked_reason: 'max_attempts_exceeded' } as const, {}, 'given up: the budget is used up'],
    [{ blocked_reason: 'manual_stop' } as const, {}, 'stopped by hand: nothing automatic'],
    [{}, { held_back_by: 'maintenance' }, 'held back: maintenance'],
    [{}, { waived: true } as const, 'cancelled'],
  ])('%j and %j are told as words', (restart_status, restart, words) => {
    expect(told({ ...waiting, restart_status, restart }).get('attempts')).toContain(words);
  });

  test('tells until when it is held, where it is', () => {
    const hold_until = at(90_000);
    expect(told({ ...plain, hold_until }).get('held until')).toBe(`${hold_until} (in 1m30s)`);
    expect(told(plain).has('held until')).toBe(false);
  });

  test('tells both addresses of a bridged guest', () => {
    const network = { ...plain.network, mode: 'bridge' as const, ports: [], address: '10.77.0.2' };
    expect(told({ ...plain, network }).get('network')).toBe('10.77.0.2');
    const both = { ...network, address6: 'fd00::2' };
    expect(told({ ...plain, network: both }).get('network')).toBe('10.77.0.2, fd00::2');
  });

  test('tells schedules, and when each comes next, the soonest first', () => {
    const schedules = {
      standby: { cron: '0 22 * * *', time_zone: 'UTC' },
      wake: { cron: '30 6 * * *', time_zone: 'Europe/Berlin' },
    };
    const next_scheduled = { standby: at(3_600_000), wake: at(60_000) };
    const schedules_in_vain = { standby: 'no policy', wake: 'not wanted' };
    const told = Object.fromEntries(instanceRows({ ...plain, schedules, schedules_in_vain, next_scheduled: {} }, NOW));
    expect(told['next by schedule']).toBeUndefined();
    expect(told.schedules).toMatch(/wake at .*, nothing comes of it while it is wanted stopped$/);
    expect(told.schedules).toContain('30 6 * * * (Europe/Berlin)');
    expect(told.schedules).toMatch(/^standby at 0 22 \* \* \* \(UTC\), nothing comes of it without auto standby; wake/);
    const auto_standby = { enabled: true, idle_timeout: '10m0s' };
    const counted = Object.fromEntries(instanceRows({ ...plain, schedules, next_scheduled, auto_standby }, NOW));
    expect(counted.schedules).toMatch(/^standby at 0 22 \* \* \* \(UTC\); wake/);
    expect(counted['next by schedule']).toBe(`wake in 1m0s (${at(60_000)}), standby in 1h0m0s (${at(3_600_000)})`);
  });

  test('tells the health check, the verdict, and the newest probes', () => {
    const rows = told(sick);
    expect(rows.get('health check')).toBe(
      'http port 80 /up (200); every 5s, timeout 2s, start period 30s; unhealthy after 3, healthy after 1',
    );
    expect(rows.get('health')).toBe(
      'unhealthy; 12 failures in a row; checked 2s ago; The answer has status 503, not 200.',
    );
    expect(rows.get('probes')).toBe('2s ago: failed after 4ms: Status 503.');
  });
});

describe('ps', () => {
  const columns = (views: WholeView[]): string[][] => instanceTable(views, NOW).map((line) => line.split(/ {2,}/));

  test('has a column of health as soon as one instance has a check', () => {
    expect(columns([plain])[0]).not.toContain('HEALTH');
    const [head, first, second] = columns([plain, sick]);
    expect([head?.[2], first?.[2], second?.[2]]).toEqual(['HEALTH', '-', 'unhealthy']);
  });

  test.each<[string, Partial<WholeView>]>([
    ['Stopped (given up)', { restart_status: { attempts: 4, blocked_reason: 'max_attempts_exceeded' } }],
    ['Stopped (cancelled)', { restart: { waived: true } }],
    ['Stopped (maintenance)', { restart: { held_back_by: 'maintenance' } }],
    ['Stopped', { restart: { held_back_by: 'maintenance' }, wanted: 'stopped' }],
    ['Stopped', { restart_status: { blocked_reason: 'manual_stop' } }],
    [
      'Stopped (held: restart budget, in 58s)',
      { phase: 'held', restart: { pending: { cause: 'exit', waits_for: 'restart_budget', not_before: at(58_000) } } },
    ],
    ['Stopped (held)', { phase: 'held', restart: { pending: { cause: 'exit', waits_for: 'host', not_before: null } } }],
  ])('notes why one that is down stays down or waits: %s', (words, change) => {
    const [, row] = columns([{ ...waiting, phase: 'stopped', restart: {}, restart_status: {}, ...change }]);
    expect(row).toContain(words);
  });

  test('notes of one that runs only what keeps it unhealthy', () => {
    const given = { restart_status: { blocked_reason: 'max_attempts_exceeded' as const } };
    const [, healthy, unhealthy] = columns([
      { ...plain, ...given },
      { ...sick, ...given },
    ]);
    expect([healthy?.[1], unhealthy?.[1]]).toEqual(['Running', 'Running (given up)']);
  });

  test('shows attempts against their limit, and the countdown', () => {
    const [, row] = columns([waiting]);
    expect(row).toEqual(expect.arrayContaining(['Stopped (backoff, in 12s)', '1 of 4']));
  });
});
