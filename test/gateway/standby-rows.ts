import { type AcceptedRow, accepting, type RefusedRow, refusals } from './policy-row.ts';

/** The rules about standby and the calendar, one row for each. */

const standby = accepting('auto_standby');
const on = { enabled: true, idle_timeout: '10m' };
const shownOn = { enabled: true, idle_timeout: '10m0s' };
const nightly = { cron: '0 22 * * 1-5' };
const calendar = accepting('schedules');

export const STANDBY_ROWS: readonly AcceptedRow[] = [
  standby('the timeout is trimmed and shown in canonical form', { ...on, idle_timeout: ' 600s ' }, shownOn),
  standby('not enabled is exactly that, and nothing else is looked at', { idle_timeout: 'x' }, { enabled: false }),
  standby(
    'false drops the rest, whatever it is',
    { ...on, enabled: false, ignore_source_cidrs: 7, max_asleep: 'x', more: 1 },
    { enabled: false },
  ),
  standby(
    'networks lose their host bits, stand once and in order, blanks are skipped',
    { ...on, ignore_source_cidrs: [' 172.16.9.7/16', '', '10.1.2.3/8', '10.0.0.0/8'] },
    { ...shownOn, ignore_source_cidrs: ['10.0.0.0/8', '172.16.0.0/16'] },
  ),
  standby(
    'networks of IPv6 are shown in their shortest form, and those that mean IPv4 as such',
    { ...on, ignore_source_cidrs: ['2001:DB8:0:0:1::7/64', '::ffff:10.1.2.3/104', 'FD00::1/8'] },
    { ...shownOn, ignore_source_cidrs: ['10.0.0.0/8', '2001:db8::/64', 'fd00::/8'] },
  ),
  standby(
    'ports stand once and in order',
    { ...on, ignore_destination_ports: [443, 22, 443] },
    { ...shownOn, ignore_destination_ports: [22, 443] },
  ),
  standby('empty lists are none', { ...on, ignore_source_cidrs: [' '], ignore_destination_ports: [] }, shownOn),
  standby(
    'who slept too long is stopped unless something else is said',
    { ...on, max_asleep: { after: '168h' } },
    { ...shownOn, max_asleep: { after: '168h0m0s', then: 'stop' } },
  ),
  standby(
    'who slept too long can be deleted',
    { ...on, max_asleep: { after: ' 90m', then: 'delete' } },
    { ...shownOn, max_asleep: { after: '1h30m0s', then: 'delete' } },
  ),
  standby('no max_asleep is none', { ...on, max_asleep: null }, shownOn),
  calendar(
    'the time zone is UTC unless one is named, and blanks do not count',
    { standby: { cron: ' 0  22 * * 1-5 ' } },
    { standby: { ...nightly, time_zone: 'UTC' } },
  ),
  calendar(
    'each part stands for itself',
    {
      standby: { ...nightly, time_zone: 'Europe/Berlin' },
      wake: { cron: '30 6 * * *', time_zone: ' Asia/Tokyo ' },
      snapshot: { cron: '0 3 * * sun', keep: 5 },
    },
    {
      standby: { ...nightly, time_zone: 'Europe/Berlin' },
      wake: { cron: '30 6 * * *', time_zone: 'Asia/Tokyo' },
      snapshot: { cron: '0 3 * * sun', time_zone: 'UTC', keep: 5 },
    },
  ),
  calendar(
    'three snapshots are kept unless a number is named',
    { snapshot: nightly },
    {
      snapshot: { ...nightly, time_zone: 'UTC', keep: 3 },
    },
  ),
  calendar('a part of null is none', { standby: null, wake: nightly }, { wake: { ...nightly, time_zone: 'UTC' } }),
  calendar('without a part there are none', {}, undefined),
  calendar('null is none', null, undefined),
];

const noStandby = refusals('auto_standby', 'invalid_auto_standby');
const noSchedule = refusals('schedules', 'invalid_schedules');
const asleep = (max_asleep: unknown): object => ({ ...on, max_asleep });

export const STANDBY_REFUSED_ROWS: readonly RefusedRow[] = [
  noStandby('is an object', 'on', '', 'must be an object'),
  noStandby('is true or false', { enabled: 'yes' }, 'enabled', 'must be true or false'),
  noStandby('is required when enabled', { enabled: true }, 'idle_timeout', 'is required when enabled is true'),
  noStandby('is no blank when enabled', { ...on, idle_timeout: ' ' }, 'idle_timeout', 'is required when enabled'),
  noStandby('is a duration', { ...on, idle_timeout: '10' }, 'idle_timeout', 'must be a valid duration'),
  noStandby('is positive', { ...on, idle_timeout: '0s' }, 'idle_timeout', 'must be a positive duration'),
  noStandby('has no sign', { ...on, idle_timeout: '-10m' }, 'idle_timeout', 'must be a positive duration'),
  noStandby('has a bound', { ...on, idle_timeout: '876001h' }, 'idle_timeout', 'must be at most 876000h'),
  noStandby('is a network', { ...on, ignore_source_cidrs: ['10.0.0.1'] }, 'ignore_source_cidrs.0', '"10.0.0.1"'),
  noStandby('has a length', { ...on, ignore_source_cidrs: ['fd00::/129'] }, 'ignore_source_cidrs.0', '"fd00::/129"'),
  noStandby('is a text', { ...on, ignore_source_cidrs: [10] }, 'ignore_source_cidrs.0', 'must be a network such as'),
  noStandby('has a bound', { ...on, ignore_source_cidrs: Array(65).fill('::/0') }, 'ignore_source_cidrs', 'at most 64'),
  noStandby('is a port', { ...on, ignore_destination_ports: [0] }, 'ignore_destination_ports.0', 'from 1 to 65535'),
  noStandby('is whole', { ...on, ignore_destination_ports: [1.5] }, 'ignore_destination_ports.0', 'from 1 to 65535'),
  noStandby('has a bound', { ...on, ignore_destination_ports: Array(257).fill(1) }, 'ignore_destination_ports', '256'),
  noStandby('ends somewhere', { ...on, ignore_destination_ports: [65_536] }, 'ignore_destination_ports.0', '65535'),
  noStandby('is a number', { ...on, ignore_destination_ports: ['22'] }, 'ignore_destination_ports.0', '1 to 65535'),
  noStandby('is a list', { ...on, ignore_destination_ports: 22 }, 'ignore_destination_ports', 'must be a list'),
  noStandby('is a list', { ...on, ignore_source_cidrs: '10.0.0.0/8' }, 'ignore_source_cidrs', 'must be a list'),
  noStandby('is a text', { ...on, idle_timeout: 600 }, 'idle_timeout', 'must be a valid duration'),
  noStandby('is not nothing', { ...on, enabled: null }, 'enabled', 'must be true or false'),
  noStandby('is required', asleep({ then: 'stop' }), 'max_asleep.after', 'is required'),
  noStandby('is positive', asleep({ after: '0s' }), 'max_asleep.after', 'must be a positive duration'),
  noStandby('is one of two', asleep({ after: '1h', then: 'wake' }), 'max_asleep.then', 'must be one of stop, delete'),
  noStandby('is an object', asleep('1h'), 'max_asleep', 'must be an object'),
  noStandby('is no field', { ...on, idle: '1m' }, 'idle', 'is not a field that is known here'),
  noSchedule('is an object', '0 22 * * *', '', 'must be an object'),
  noSchedule('is required', { standby: {} }, 'standby.cron', 'must be a cron expression of five fields'),
  noSchedule('has five fields', { wake: { cron: '0 0 22 * * *' } }, 'wake.cron', 'must be a cron expression of five'),
  noSchedule('has its range', { wake: { cron: '61 * * * *' } }, 'wake.cron', '61 is not valid as minute'),
  noSchedule('exists', { standby: { ...nightly, time_zone: 'Mars/Base' } }, 'standby.time_zone', 'IANA time zone'),
  noSchedule('is no offset', { snapshot: { ...nightly, time_zone: '+02:00' } }, 'snapshot.time_zone', 'IANA time zone'),
  noSchedule('is at least one', { snapshot: { ...nightly, keep: 0 } }, 'snapshot.keep', 'must be at least 1'),
  noSchedule('has a bound', { snapshot: { ...nightly, keep: 17 } }, 'snapshot.keep', 'must be at most 16'),
  noSchedule('is about snapshots', { wake: { ...nightly, keep: 2 } }, 'wake.keep', 'is not a field that is known'),
  noSchedule('knows three parts', { restart: nightly }, 'restart', 'is not a field that is known here'),
];
