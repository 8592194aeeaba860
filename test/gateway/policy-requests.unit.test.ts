/** Goal: policies are read as documented: defaults, limits, canonical forms, and refusals that name the field. */
import { describe, expect, test } from 'vitest';
import { StatevisorError } from '../../src/actors/errors.ts';
import { parseCreate } from '../../src/gateway/requests/create.ts';
import { parseUpdate } from '../../src/gateway/requests/update.ts';
import { autoStandbyView, healthCheckView, restartPolicyView } from '../../src/projections/policy-views.ts';

const NOW = Date.UTC(2026, 0, 1, 12);

type Policy = 'restart_policy' | 'health_check' | 'auto_standby';

/** The same policy at both doors it can come through must be read alike. */
function read(policy: Policy, value: unknown) {
  const created = parseCreate({ name: 'web', image: 'demo', [policy]: value }, NOW).definition[policy];
  expect(parseUpdate({ id: 'web', [policy]: value }, NOW).changes[policy]).toEqual(created);
  return created;
}

function refused(policy: Policy, value: unknown): StatevisorError {
  const inputs = [
    () => parseCreate({ name: 'web', image: 'demo', [policy]: value }, NOW),
    () => parseUpdate({ id: 'web', [policy]: value }, NOW),
  ];
  const errors = inputs.map((parse) => {
    try {
      parse();
    } catch (error) {
      if (error instanceof StatevisorError) return error;
    }
    throw new Error(`not refused: ${JSON.stringify(value)}`);
  });
  expect(errors[1]?.toBody()).toEqual(errors[0]?.toBody());
  return errors[0]!;
}

describe('restart_policy', () => {
  const defaults = { policy: 'always', backoff_ms: 5_000, max_attempts: 0, stable_after_ms: 600_000 };

  test.each([
    [{ policy: 'always' }, defaults],
    [
      { policy: 'on_failure', backoff: '', stable_after: ' ' },
      { ...defaults, policy: 'on_failure' },
    ],
    [
      { policy: 'always', backoff: ' 300ms ', max_attempts: 3 },
      { ...defaults, backoff_ms: 300, max_attempts: 3 },
    ],
    [{ policy: 'never' }, null],
    [{ policy: '' }, null],
    [{}, null],
    [null, null],
    [{ policy: 'never', backoff: 'nonsense', max_attempts: -1, more: 1 }, null],
  ])('%j is read as %j', (value, expected) => {
    expect(read('restart_policy', value)).toEqual(expected);
  });

  test('durations are shown in canonical form and an absent limit is left out', () => {
    const policy = read('restart_policy', { policy: 'always', backoff: '150s', stable_after: '120s' });
    expect(restartPolicyView(policy as never)).toEqual({ policy: 'always', backoff: '2m30s', stable_after: '2m0s' });
    expect(restartPolicyView(read('restart_policy', { policy: 'always' }) as never).stable_after).toBe('10m0s');
  });

  test.each([
    [{ policy: 'sometimes' }, 'restart_policy.policy', /never, always, on_failure/],
    [{ policy: 3 }, 'restart_policy.policy', /never, always, on_failure/],
    [{ policy: 'always', backoff: '0s' }, 'restart_policy.backoff', /positive/],
    [{ policy: 'always', backoff: '-5s' }, 'restart_policy.backoff', /positive/],
    [{ policy: 'always', backoff: '5' }, 'restart_policy.backoff', /valid duration/],
    [{ policy: 'always', backoff: 'soon' }, 'restart_policy.backoff', /valid duration/],
    [{ policy: 'always', backoff: 5 }, 'restart_policy.backoff', /valid duration/],
    [{ policy: 'always', backoff: '9999999h' }, 'restart_policy.backoff', /at most/],
    [{ policy: 'always', max_attempts: -1 }, 'restart_policy.max_attempts', /at least 0/],
    [{ policy: 'always', max_attempts: 1.5 }, 'restart_policy.max_attempts', /whole number/],
    [{ policy: 'always', max_attempts: 1_000_001 }, 'restart_policy.max_attempts', /at most 1000000/],
    [{ policy: 'always', stable_after: '0' }, 'restart_policy.stable_after', /positive/],
    [{ policy: 'always', delay: '1s' }, 'restart_policy.delay', /not a field/],
    ['always', 'restart_policy', /an object/],
    [[], 'restart_policy', /an object/],
  ])('%j is refused by name', (value, field, message) => {
    const error = refused('restart_policy', value);
    expect(error).toMatchObject({ code: 'invalid_restart_policy', status: 400, field });
    expect(error.message).toMatch(message);
    expect(error.message.startsWith(field)).toBe(true);
  });
});

describe('health_check', () => {
  const defaults = {
    interval_ms: 10_000,
    timeout_ms: 2_000,
    start_period_ms: 30_000,
    failure_threshold: 3,
    success_threshold: 1,
  };
  const tcp = { tcp: { port: 80 } };
  const http = { type: 'http', port: 80, path: '/', scheme: 'http', expected_status: 200 };

  test.each([
    [tcp, { target: { type: 'tcp', port: 80 }, ...defaults }],
    [
      { type: 'http', http: { port: 80 } },
      { target: http, ...defaults },
    ],
    [
      { http: { port: 80, expected_status: 0 }, failure_threshold: 0, success_threshold: 0 },
      { target: http, ...defaults },
    ],
    [
      { http: { port: 443, scheme: 'https', tls_verify: false } },
      { target: { ...http, port: 443, scheme: 'https', tls_verify: false }, ...defaults },
    ],
    [{ http: { port: 80, tls_verify: true } }, { target: http, ...defaults }],
    [{ exec: { command: ['true'] } }, { target: { type: 'exec', command: ['true'] }, ...defaults }],
    [
      { ...tcp, start_period: '0s' },
      { target: { type: 'tcp', port: 80 }, ...defaults, start_period_ms: 0 },
    ],
    [
      { ...tcp, interval: '500ms' },
      { target: { type: 'tcp', port: 80 }, ...defaults, interval_ms: 500, timeout_ms: 500 },
    ],
    [
      { ...tcp, interval: '1s', timeout: '1s' },
      { target: { type: 'tcp', port: 80 }, ...defaults, interval_ms: 1_000, timeout_ms: 1_000 },
    ],
    [{ type: 'none' }, null],
    [{ type: 'none', http: { port: -1 }, interval: 'nonsense' }, null],
    [{}, null],
    [{ interval: 'nonsense' }, null],
    [null, null],
  ])('%j is read as %j', (value, expected) => {
    expect(read('health_check', value)).toEqual(expected);
  });

  test('it is shown in the form in which it is written', () => {
    const shown = healthCheckView(read('health_check', tcp) as never);
    expect(shown).toEqual({
      type: 'tcp',
      tcp: { port: 80 },
      interval: '10s',
      timeout: '2s',
      start_period: '30s',
      failure_threshold: 3,
      success_threshold: 1,
    });
    expect(read('health_check', shown)).toEqual(read('health_check', tcp));
  });

  test.each([
    [{ ...tcp, http: { port: 80 } }, 'health_check', /exactly one/],
    [{ type: 'http', http: { port: 80 }, ...tcp }, 'health_check', /type http cannot include tcp or exec/],
    [{ type: 'exec', ...tcp }, 'health_check', /type exec cannot include http or tcp/],
    [{ type: 'http' }, 'health_check.http', /required when type is http/],
    [{ type: 'tcp' }, 'health_check.tcp', /required when type is tcp/],
    [{ type: 'exec' }, 'health_check.exec', /required when type is exec/],
    [{ type: 'ping' }, 'health_check.type', /none, http, tcp, exec/],
    [{ tcp: {} }, 'health_check.tcp.port', /1 to 65535/],
    [{ tcp: { port: 0 } }, 'health_check.tcp.port', /1 to 65535/],
    [{ http: { port: 65_536 } }, 'health_check.http.port', /1 to 65535/],
    [{ http: { port: 80, path: 'health' } }, 'health_check.http.path', /begin with \//],
    [{ http: { port: 80, scheme: 'ftp' } }, 'health_check.http.scheme', /http, https/],
    [{ http: { port: 80, expected_status: 99 } }, 'health_check.http.expected_status', /100 to 599/],
    [{ http: { port: 80, expected_status: 600 } }, 'health_check.http.expected_status', /100 to 599/],
    [{ http: { port: 80, tls_verify: false } }, 'health_check.http.tls_verify', /needs scheme https/],
    [{ http: { port: 443, scheme: 'https', tls_verify: 'no' } }, 'health_check.http.tls_verify', /true or false/],
    [{ exec: { command: [] } }, 'health_check.exec.command', /at least one/],
    [{ exec: {} }, 'health_check.exec.command', /required/],
    [{ exec: { command: [7] } }, 'health_check.exec.command.0', /a text/],
    [{ ...tcp, interval: '0s' }, 'health_check.interval', /positive/],
    [{ ...tcp, timeout: '0s' }, 'health_check.timeout', /positive/],
    [{ ...tcp, interval: '1s', timeout: '2s' }, 'health_check.timeout', /not be longer than interval/],
    [{ ...tcp, start_period: '-1s' }, 'health_check.start_period', /negative/],
    [{ ...tcp, start_period: 'x' }, 'health_check.start_period', /valid duration/],
    [{ ...tcp, failure_threshold: -1 }, 'health_check.failure_threshold', /at least 0/],
    [{ ...tcp, success_threshold: 1_001 }, 'health_check.success_threshold', /at most 1000/],
    [{ ...tcp, retries: 1 }, 'health_check.retries', /not a field/],
  ])('%j is refused by name', (value, field, message) => {
    const error = refused('health_check', value);
    expect(error).toMatchObject({ code: 'invalid_health_check', status: 400, field });
    expect(error.message).toMatch(message);
  });
});

describe('auto_standby', () => {
  const on = { enabled: true, idle_timeout: '10m' };
  const read10m = { enabled: true, idle_timeout_ms: 600_000 };

  test.each([
    [on, read10m],
    [
      { enabled: true, idle_timeout: ' 3600s ' },
      { enabled: true, idle_timeout_ms: 3_600_000 },
    ],
    [{ ...on, ignore_source_cidrs: [], ignore_destination_ports: [] }, read10m],
    [
      { ...on, ignore_source_cidrs: [' 172.16.9.7/16', '', '10.1.2.3/8', '10.0.0.0/8'] },
      { ...read10m, ignore_source_cidrs: ['10.0.0.0/8', '172.16.0.0/16'] },
    ],
    [
      { ...on, ignore_source_cidrs: ['2001:DB8:0:0:1::ffff/48', '::/0', '::ffff:10.1.2.3/128'] },
      { ...read10m, ignore_source_cidrs: ['10.1.2.3/32', '2001:db8::/48', '::/0'] },
    ],
    [
      { ...on, ignore_destination_ports: [443, 22, 443] },
      { ...read10m, ignore_destination_ports: [22, 443] },
    ],
    [{ enabled: false, idle_timeout: 'nonsense', more: 1 }, { enabled: false }],
    [{}, { enabled: false }],
    [null, null],
  ])('%j is read as %j', (value, expected) => {
    expect(read('auto_standby', value)).toEqual(expected);
  });

  test('its duration is shown in canonical form', () => {
    const policy = read('auto_standby', { enabled: true, idle_timeout: '3600s' });
    expect(autoStandbyView(policy as never)).toEqual({ enabled: true, idle_timeout: '1h0m0s' });
  });

  test.each([
    [{ enabled: true }, 'auto_standby.idle_timeout', /required/],
    [{ enabled: true, idle_timeout: '' }, 'auto_standby.idle_timeout', /required/],
    [{ enabled: true, idle_timeout: '0s' }, 'auto_standby.idle_timeout', /positive/],
    [{ enabled: true, idle_timeout: 'x' }, 'auto_standby.idle_timeout', /valid duration/],
    [{ enabled: 'yes' }, 'auto_standby.enabled', /true or false/],
    [{ ...on, ignore_source_cidrs: ['10.0.0.0/33'] }, 'auto_standby.ignore_source_cidrs.0', /"10\.0\.0\.0\/33"/],
    [{ ...on, ignore_source_cidrs: ['10.0.0.0/8', 'lan'] }, 'auto_standby.ignore_source_cidrs.1', /"lan"/],
    [{ ...on, ignore_source_cidrs: ['10.0.0.1'] }, 'auto_standby.ignore_source_cidrs.0', /"10\.0\.0\.1"/],
    [{ ...on, ignore_source_cidrs: ['::1/129'] }, 'auto_standby.ignore_source_cidrs.0', /"::1\/129"/],
    [{ ...on, ignore_source_cidrs: ['10.0.0.0/08'] }, 'auto_standby.ignore_source_cidrs.0', /network/],
    [{ ...on, ignore_destination_ports: [0] }, 'auto_standby.ignore_destination_ports.0', /1 to 65535/],
    [{ ...on, ignore_destination_ports: [65_536] }, 'auto_standby.ignore_destination_ports.0', /1 to 65535/],
    [{ ...on, ignore_destination_ports: ['22'] }, 'auto_standby.ignore_destination_ports.0', /1 to 65535/],
    [{ ...on, more: 1 }, 'auto_standby.more', /not a field/],
  ])('%j is refused by name', (value, field, message) => {
    const error = refused('auto_standby', value);
    expect(error).toMatchObject({ code: 'invalid_auto_standby', status: 400, field });
    expect(error.message).toMatch(message);
  });
});
