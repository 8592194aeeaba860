import { type AcceptedRow, accepting, type RefusedRow, refusals } from './policy-row.ts';
import { STANDBY_REFUSED_ROWS, STANDBY_ROWS } from './standby-rows.ts';

/** The rules about what policies say, one row for each: what is given, and what a door shows of it or refuses. */

const restarts = { policy: 'always', backoff: '5s', stable_after: '10m0s' };
const restart = accepting('restart_policy');

const RESTART_ROWS: readonly AcceptedRow[] = [
  restart('what is left out has its default, and no limit is not shown', { policy: 'always' }, restarts),
  restart('blank durations have their default', { policy: 'always', backoff: '', stable_after: ' ' }, restarts),
  restart(
    'durations are trimmed and shown in canonical form',
    { policy: 'on_failure', backoff: ' 150s ', stable_after: '120s' },
    { policy: 'on_failure', backoff: '2m30s', stable_after: '2m0s' },
  ),
  restart('max_attempts of 0 is no limit', { policy: 'always', max_attempts: 0 }, restarts),
  restart(
    'max_attempts is kept as it is given',
    { policy: 'always', max_attempts: 3 },
    { ...restarts, max_attempts: 3 },
  ),
  restart('never is no policy', { policy: 'never' }, undefined),
  restart('an empty mode is no policy', { policy: '' }, undefined),
  restart('an omitted mode is no policy', { max_attempts: 3 }, undefined),
  restart('beside never nothing is looked at', { policy: 'never', backoff: 'x', max_attempts: -1, y: 1 }, undefined),
  restart(
    'backoff_max lets the backoff grow, also from its default',
    { policy: 'always', backoff_max: '300s' },
    { ...restarts, backoff_max: '5m0s' },
  ),
  restart('blank additions are none', { policy: 'always', backoff_max: '', stability_period: ' ' }, restarts),
  restart('jitter is shown, and none is not', { policy: 'always', jitter: 0.2 }, { ...restarts, jitter: 0.2 }),
  restart('jitter of 0 is none', { policy: 'always', jitter: 0 }, restarts),
  restart(
    'delays stand instead of a backoff, in canonical form',
    { policy: 'on_failure', delays: ['1s', ' 90s '] },
    { policy: 'on_failure', stable_after: '10m0s', delays: ['1s', '1m30s'] },
  ),
  restart(
    'exit codes stand once and in order, an empty list is none',
    { policy: 'on_failure', exit_codes: { restart: [3, 0, 3], never: [] } },
    { ...restarts, policy: 'on_failure', exit_codes: { restart: [0, 3] } },
  ),
  restart('rules without codes are none', { policy: 'always', exit_codes: {} }, restarts),
  restart(
    'stability_period is shown in canonical form',
    { policy: 'always', stability_period: '120s' },
    { ...restarts, stability_period: '2m0s' },
  ),
];

const timing = {
  interval: '10s',
  timeout: '2s',
  start_period: '30s',
  failure_threshold: 3,
  success_threshold: 1,
};
const tcp = { tcp: { port: 80 } };
const shownTcp = { type: 'tcp', ...tcp, ...timing };
const http = { port: 80, path: '/', scheme: 'http', expected_status: 200 };
const check = accepting('health_check');

const CHECK_ROWS: readonly AcceptedRow[] = [
  check('the type is that of the one object that is there', tcp, shownTcp),
  check('what is left out has its default', { type: 'http', http: { port: 80 } }, { type: 'http', http, ...timing }),
  check(
    'thresholds and a status of 0 mean the default',
    { http: { port: 80, expected_status: 0 }, failure_threshold: 0, success_threshold: 0 },
    { type: 'http', http, ...timing },
  ),
  check('a start period of 0s is one', { ...tcp, start_period: '0s' }, { ...shownTcp, start_period: '0s' }),
  check(
    'durations are trimmed and shown in canonical form',
    { ...tcp, interval: ' 90s ', timeout: '1500ms', start_period: '120s' },
    { ...shownTcp, interval: '1m30s', timeout: '1.5s', start_period: '2m0s' },
  ),
  check(
    'the timeout is 2s, or the interval when that is shorter',
    { ...tcp, interval: '500ms' },
    { ...shownTcp, interval: '500ms', timeout: '500ms' },
  ),
  check(
    'a timeout as long as the interval is one',
    { ...tcp, interval: '3s', timeout: '3s' },
    { ...shownTcp, interval: '3s', timeout: '3s' },
  ),
  check('nothing named is no check', {}, undefined),
  check('beside type none nothing is looked at', { type: 'none', http: { port: -1 }, interval: 'x' }, undefined),
  check(
    'a path keeps its query',
    { http: { port: 80, path: '/ready?deep=1&of=db' } },
    { type: 'http', http: { ...http, path: '/ready?deep=1&of=db' }, ...timing },
  ),
  check(
    'a certificate is verified unless tls_verify is false',
    { http: { port: 443, scheme: 'https', tls_verify: true } },
    { type: 'http', http: { ...http, port: 443, scheme: 'https' }, ...timing },
  ),
  check(
    'tls_verify of false is shown',
    { http: { port: 443, scheme: 'https', tls_verify: false } },
    { type: 'http', http: { ...http, port: 443, scheme: 'https', tls_verify: false }, ...timing },
  ),
  check(
    'a command keeps its words and its directory',
    { exec: { command: ['test', '-e', '/ready '], working_dir: '/srv' } },
    { type: 'exec', exec: { command: ['test', '-e', '/ready '], working_dir: '/srv' }, ...timing },
  ),
];

export const ACCEPTED_ROWS: readonly AcceptedRow[] = [...RESTART_ROWS, ...CHECK_ROWS, ...STANDBY_ROWS];

const always = { policy: 'always' };
const noRestart = refusals('restart_policy', 'invalid_restart_policy');
const noCheck = refusals('health_check', 'invalid_health_check');

export const REFUSED_ROWS: readonly RefusedRow[] = [
  noRestart('is one of three', { policy: 'sometimes' }, 'policy', 'must be one of never, always, on_failure'),
  noRestart('is positive', { ...always, backoff: '0s' }, 'backoff', 'must be a positive duration'),
  noRestart('has no sign', { ...always, backoff: '-5s' }, 'backoff', 'must be a positive duration'),
  noRestart('has a unit', { ...always, backoff: '5' }, 'backoff', 'must be a valid duration'),
  noRestart('is a text', { ...always, backoff: 5 }, 'backoff', 'must be a valid duration'),
  noRestart('is at most a hundred years', { ...always, backoff: '876001h' }, 'backoff', 'must be at most 876000h'),
  noRestart('is not negative', { ...always, max_attempts: -1 }, 'max_attempts', 'must be at least 0'),
  noRestart('is whole', { ...always, max_attempts: 1.5 }, 'max_attempts', 'must be a whole number'),
  noRestart('has a bound', { ...always, max_attempts: 1_000_001 }, 'max_attempts', 'must be at most 1000000'),
  noRestart('is positive', { ...always, stable_after: '0' }, 'stable_after', 'must be a positive duration'),
  noRestart('is positive', { ...always, backoff_max: '0s' }, 'backoff_max', 'must be a positive duration'),
  noRestart(
    'is not shorter than the backoff',
    { ...always, backoff: '10s', backoff_max: '9s' },
    'backoff_max',
    'must not be shorter than backoff',
  ),
  noRestart(
    'is not shorter than the default backoff',
    { ...always, backoff_max: '4s' },
    'backoff_max',
    'must not be shorter than backoff',
  ),
  noRestart('is a fraction', { ...always, jitter: 1.1 }, 'jitter', 'must be a number from 0 to 1'),
  noRestart('is a number', { ...always, jitter: '10%' }, 'jitter', 'must be a number from 0 to 1'),
  noRestart('holds something', { ...always, delays: [] }, 'delays', 'must hold at least one duration'),
  noRestart('is a duration', { ...always, delays: ['1s', 'soon'] }, 'delays.1', 'must be a valid duration'),
  noRestart('is no blank', { ...always, delays: ['1s', ' '] }, 'delays.1', 'must be a valid duration'),
  noRestart('is positive', { ...always, delays: ['0s'] }, 'delays.0', 'must be a positive duration'),
  noRestart('has a bound', { ...always, delays: Array(33).fill('1s') }, 'delays', 'must be at most 32 items long'),
  noRestart(
    'stands without a backoff',
    { ...always, delays: ['1s'], backoff: '5s' },
    'delays',
    'and backoff exclude each other',
  ),
  noRestart(
    'stands without a growing backoff',
    { ...always, delays: ['1s'], backoff_max: '5m' },
    'delays',
    'and backoff_max exclude each other',
  ),
  noRestart('is a code', { ...always, exit_codes: { never: [256] } }, 'exit_codes.never.0', 'from 0 to 255'),
  noRestart('is whole', { ...always, exit_codes: { restart: [1.5] } }, 'exit_codes.restart.0', 'from 0 to 255'),
  noRestart(
    'says of each code one thing',
    { ...always, exit_codes: { restart: [2, 3], never: [3] } },
    'exit_codes.restart',
    'names 3, which stands in never too',
  ),
  noRestart('knows two rules', { ...always, exit_codes: { often: [3] } }, 'exit_codes.often', 'is not a field'),
  noRestart('is positive', { ...always, stability_period: '0s' }, 'stability_period', 'must be a positive duration'),
  noRestart('is no field', { ...always, retries: 3 }, 'retries', 'is not a field that is known here'),
  noRestart('is an object', 'always', '', 'must be an object'),
  noCheck('names exactly one of three', { ...tcp, http: { port: 80 } }, '', 'must include exactly one of http, tcp'),
  noCheck(
    'has no object of another type than it says',
    { type: 'http', http: { port: 80 }, ...tcp },
    '',
    'with type http cannot include tcp or exec',
  ),
  noCheck('is there when the type says so', { type: 'http' }, 'http', 'is required when type is http'),
  noCheck('is one of four', { type: 'ping' }, 'type', 'must be one of none, http, tcp, exec'),
  noCheck('is positive', { ...tcp, interval: '0s' }, 'interval', 'must be a positive duration'),
  noCheck('is positive', { ...tcp, timeout: '0s' }, 'timeout', 'must be a positive duration'),
  noCheck('is not longer than the interval', { ...tcp, timeout: '11s' }, 'timeout', 'must not be longer than interval'),
  noCheck('is not negative', { ...tcp, start_period: '-1s' }, 'start_period', 'must not be negative'),
  noCheck('is not negative', { ...tcp, failure_threshold: -1 }, 'failure_threshold', 'must be at least 0'),
  noCheck('has a bound', { ...tcp, failure_threshold: 1_001 }, 'failure_threshold', 'must be at most 1000'),
  noCheck('has a bound', { ...tcp, success_threshold: 1_001 }, 'success_threshold', 'must be at most 1000'),
  noCheck('is required', { http: {} }, 'http.port', 'must be a port from 1 to 65535'),
  noCheck('is a port', { http: { port: 65_536 } }, 'http.port', 'must be a port from 1 to 65535'),
  noCheck('begins with a slash', { http: { port: 80, path: 'up' } }, 'http.path', 'must begin with /'),
  noCheck('is http or https', { http: { port: 80, scheme: 'ftp' } }, 'http.scheme', 'must be one of http, https'),
  noCheck('is a status', { http: { port: 80, expected_status: 99 } }, 'http.expected_status', 'from 100 to 599'),
  noCheck('is about https', { http: { port: 80, tls_verify: false } }, 'http.tls_verify', 'needs scheme https'),
  noCheck('is a port', { tcp: { port: 0 } }, 'tcp.port', 'must be a port from 1 to 65535'),
  noCheck('holds something', { exec: { command: [] } }, 'exec.command', 'must hold at least one item'),
  noCheck('is required', { exec: {} }, 'exec.command', 'is required'),
  noCheck('has a bound', { exec: { command: Array(65).fill('x') } }, 'exec.command', 'must be at most 64 items long'),
  ...STANDBY_REFUSED_ROWS,
];
