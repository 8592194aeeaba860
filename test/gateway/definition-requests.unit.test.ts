/** Goal: what a create and an update say is read as documented, or refused by name. */
import { describe, expect, test } from 'vitest';
import { definitionSchema } from '../../machines/definition.ts';
import { StatevisorError } from '../../src/actors/errors.ts';
import { parseCreate } from '../../src/gateway/requests/create.ts';
import { parseUpdate } from '../../src/gateway/requests/update.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const GIB = 1024 ** 3;
const base = { name: 'web', image: 'demo' };

function refusalOf(parse: () => unknown): StatevisorError {
  try {
    parse();
  } catch (error) {
    if (error instanceof StatevisorError) return error;
    throw error;
  }
  throw new Error('not refused');
}

describe('create', () => {
  test('what is left out has its default, and the definition is one that the chart knows', () => {
    const { definition, wanted, waitMs } = parseCreate(base, NOW);
    expect(definition).toEqual({
      name: 'web',
      image: 'demo',
      vcpus: 2,
      memory_bytes: GIB,
      network: { enabled: true, ports: [] },
      boot_timeout_ms: 120_000,
      stop_timeout_ms: 5_000,
      restart_policy: null,
      health_check: null,
      auto_standby: null,
      expiry: null,
      hooks: null,
    });
    expect(definitionSchema.parse(definition)).toEqual(definition);
    expect({ wanted, waitMs }).toEqual({ wanted: 'running', waitMs: null });
  });

  test.each([
    ['512MB', GIB / 2],
    ['1GB', GIB],
    ['1g', GIB],
    ['1.5GB', 1.5 * GIB],
    ['1 GiB', GIB],
    ['1TB', 1024 * GIB],
    ['67108864', 64 * 1024 ** 2],
  ])('size %s is %d bytes', (size, bytes) => {
    expect(parseCreate({ ...base, size }, NOW).definition.memory_bytes).toBe(bytes);
  });

  test.each([
    [{ ttl: '1h' }, { expires_at: NOW + 3_600_000, then: 'stop' }],
    [
      { ttl: '1h', on_expiry: 'delete' },
      { expires_at: NOW + 3_600_000, then: 'delete' },
    ],
    [{ expires_at: '2026-01-01T13:30:00+01:00' }, { expires_at: NOW + 1_800_000, then: 'stop' }],
    [{ ttl: '0s' }, null],
    [{ ttl: '' }, null],
    [{}, null],
  ])('%j expires as %j', (fields, expected) => {
    expect(parseCreate({ ...base, ...fields }, NOW).definition.expiry).toEqual(expected);
  });

  test('ports without a host side are left to the host', () => {
    const network = { ports: [{ guest_port: 80 }, { guest_port: 22, host_port: 2222 }] };
    expect(parseCreate({ ...base, network }, NOW).definition.network).toEqual({
      enabled: true,
      ports: [
        { guest_port: 80, host_port: 0 },
        { guest_port: 22, host_port: 2222 },
      ],
    });
  });

  test.each([
    [{ image: 'demo' }, 'name', /required/],
    [{ ...base, name: '' }, 'name', /lower-case/],
    [{ ...base, name: 'Web' }, 'name', /lower-case/],
    [{ ...base, name: '-web' }, 'name', /dash/],
    [{ ...base, name: 'web-' }, 'name', /dash/],
    [{ ...base, name: 'w'.repeat(64) }, 'name', /63/],
    [{ ...base, name: 7 }, 'name', /a text/],
    [{ name: 'web' }, 'image', /required/],
    [{ ...base, image: '' }, 'image', /at least 1/],
    [{ ...base, image: 'i'.repeat(256) }, 'image', /at most 255/],
    [{ ...base, size: 'big' }, 'size', /512MB/],
    [{ ...base, size: 1024 }, 'size', /512MB/],
    [{ ...base, size: '-1GB' }, 'size', /512MB/],
    [{ ...base, size: '1MB' }, 'size', /from 64MB to 1TB/],
    [{ ...base, size: '2TB' }, 'size', /from 64MB to 1TB/],
    [{ ...base, vcpus: 0 }, 'vcpus', /at least 1/],
    [{ ...base, vcpus: 65 }, 'vcpus', /at most 64/],
    [{ ...base, vcpus: 1.5 }, 'vcpus', /whole number/],
    [{ ...base, vcpus: '2' }, 'vcpus', /number/],
    [{ ...base, ttl: '-1h' }, 'ttl', /negative/],
    [{ ...base, ttl: 'soon' }, 'ttl', /valid duration/],
    [{ ...base, ttl: 60 }, 'ttl', /valid duration/],
    [{ ...base, ttl: '1h', expires_at: '2027-01-01T00:00:00Z' }, 'ttl', /exclude/],
    [{ ...base, ttl: '0s', expires_at: '2027-01-01T00:00:00Z' }, 'ttl', /exclude/],
    [{ ...base, expires_at: '2026-01-01T12:00:00Z' }, 'expires_at', /future/],
    [{ ...base, expires_at: 'tomorrow' }, 'expires_at', /RFC 3339/],
    [{ ...base, expires_at: '2026-13-01T12:00:00Z' }, 'expires_at', /RFC 3339/],
    [{ ...base, expires_at: '2027-01-01' }, 'expires_at', /RFC 3339/],
    [{ ...base, on_expiry: 'delete' }, 'on_expiry', /ttl or expires_at/],
    [{ ...base, ttl: '1h', on_expiry: 'archive' }, 'on_expiry', /stop, delete/],
    [{ ...base, boot_timeout: '0s' }, 'boot_timeout', /positive/],
    [{ ...base, stop_timeout: '-1s' }, 'stop_timeout', /negative/],
    [{ ...base, start: 'no' }, 'start', /true or false/],
    [{ ...base, network: { enabled: 'yes' } }, 'network.enabled', /true or false/],
    [{ ...base, network: { ports: [{}] } }, 'network.ports.0.guest_port', /1 to 65535/],
    [{ ...base, network: { ports: [{ guest_port: 0 }] } }, 'network.ports.0.guest_port', /1 to 65535/],
    [
      { ...base, network: { ports: [{ guest_port: 80, host_port: 70_000 }] } },
      'network.ports.0.host_port',
      /0 to 65535/,
    ],
    [{ ...base, network: { ports: new Array(33).fill({ guest_port: 80 }) } }, 'network.ports', /at most 32/],
    [{ ...base, network: { enabled: false, ports: [{ guest_port: 80 }] } }, 'network.ports', /network\.enabled/],
    [
      {
        ...base,
        network: {
          ports: [
            { guest_port: 80, host_port: 8080 },
            { guest_port: 81, host_port: 8080 },
          ],
        },
      },
      'network.ports',
      /8080 twice/,
    ],
    [{ ...base, network: { enabled: false }, health_check: { tcp: { port: 80 } } }, 'health_check', /network\.enabled/],
    [{ ...base, overlay_size: '10GB' }, 'overlay_size', /not a field/],
    [{ ...base, env: { A: 'b' } }, 'env', /not a field/],
    [{ ...base, id: 'x' }, 'id', /not a field/],
    [[], null, /an object/],
    [null, null, /an object/],
    ['x', null, /an object/],
  ])('%j is refused by name', (input, field, message) => {
    const error = refusalOf(() => parseCreate(input, NOW));
    expect(error).toMatchObject({ code: 'invalid_request', status: 400, field });
    expect(error.message).toMatch(message);
  });

  test.each(['__proto__', 'constructor', 'toString'])('a field called %s is refused like any other', (field) => {
    const input: unknown = JSON.parse(`{"name":"web","image":"demo","${field}":{"start":false}}`);
    expect(refusalOf(() => parseCreate(input, NOW))).toMatchObject({ code: 'invalid_request', field });
  });

  test('a check that runs inside the guest needs no network', () => {
    const input = { ...base, network: { enabled: false }, health_check: { exec: { command: ['true'] } } };
    expect(parseCreate(input, NOW).definition.health_check?.target.type).toBe('exec');
  });
});

describe('update', () => {
  test.each([
    [{ ttl: '1h' }, { expiry: { expires_at: NOW + 3_600_000, then: 'stop' } }],
    [{ ttl: '0s' }, { expiry: null }],
    [{ expires_at: null }, { expiry: null }],
    [{ restart_policy: { policy: 'never' } }, { restart_policy: null }],
    [{ health_check: null }, { health_check: null }],
  ])('%j changes exactly %j', (fields, changes) => {
    expect(parseUpdate({ id: 'web', ...fields }, NOW)).toEqual({ id: 'web', changes, waitMs: null });
  });

  test.each([
    [{}, null, /restart_policy, health_check, auto_standby, schedules, ttl, expires_at/],
    [{ vcpus: 4 }, 'vcpus', /at least one of restart_policy/],
    [{ env: {} }, 'env', /at least one of/],
    [{ ttl: '1h', vcpus: 4 }, 'vcpus', /not a field/],
    [{ expires_at: '2020-01-01T00:00:00Z' }, 'expires_at', /future/],
    [{ on_expiry: 'stop' }, 'on_expiry', /ttl or expires_at/],
  ])('%j is refused', (fields, field, message) => {
    const error = refusalOf(() => parseUpdate({ id: 'web', ...fields }, NOW));
    expect(error).toMatchObject({ code: 'invalid_request', status: 400, field });
    expect(error.message).toMatch(message);
  });

  test('of several policies none is taken when one is bad', () => {
    const input = { id: 'web', restart_policy: { policy: 'always' }, health_check: { tcp: { port: 0 } } };
    expect(refusalOf(() => parseUpdate(input, NOW))).toMatchObject({ code: 'invalid_health_check' });
  });
});
