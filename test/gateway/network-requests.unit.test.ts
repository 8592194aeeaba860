import { describe, expect, it } from 'vitest';
import { definitionSchema } from '../../machines/definition.ts';
import { StatevisorError } from '../../src/actors/errors.ts';
import { parseCreate } from '../../src/gateway/requests/create.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');

function networkOf(network: unknown): unknown {
  return parseCreate({ name: 'web', image: 'demo', network }, NOW).definition.network;
}

function refusalOf(network: unknown): { code: string; field: string | null; message: string } {
  try {
    networkOf(network);
  } catch (error) {
    if (error instanceof StatevisorError) return { code: error.code, field: error.field, message: error.message };
  }
  throw new Error('It was not refused.');
}

describe('the network of a create', () => {
  it('is forwarded ports unless something else is asked for', () => {
    expect(networkOf(undefined)).toEqual({ enabled: true, ports: [] });
    expect(networkOf({ mode: 'user' })).toEqual({ enabled: true, ports: [] });
  });

  it('with mode bridge has an address, asked for or left to the host', () => {
    const bridged = { mode: 'bridge', enabled: true, ports: [], mac: null };
    expect(networkOf({ mode: 'bridge' })).toEqual({ ...bridged, address: null });
    expect(networkOf({ mode: 'bridge', address: '10.77.0.9' })).toEqual({ ...bridged, address: '10.77.0.9' });
  });

  it.each([
    [{ mode: 'bridge', ports: [{ guest_port: 80 }] }, 'network.ports', 'network.ports needs network.mode user.'],
    [{ mode: 'bridge', enabled: false }, 'network.mode', 'network.mode needs network.enabled to be true.'],
    [{ address: '10.77.0.9' }, 'network.address', 'network.address needs network.mode bridge.'],
    [{ mode: 'bridge', address: '10.77.0' }, 'network.address', 'must be an IPv4 address'],
    [{ mode: 'bridge', address: 'fd00::1' }, 'network.address', 'must be an IPv4 address'],
    [{ mode: 'bridge', mac: '02:00:00:00:00:01' }, 'network.mac', 'mac'],
    [{ mode: 'routed' }, 'network.mode', 'network.mode'],
  ])('%j is refused by the field at fault', (network, field, says) => {
    const refusal = refusalOf(network);
    expect(refusal).toMatchObject({ code: 'invalid_request', field });
    expect(refusal.message).toContain(says);
  });

  it('of a record from before there were modes is read as it was', () => {
    const { definition } = parseCreate({ name: 'web', image: 'demo' }, NOW);
    const older = { ...definition, network: { enabled: true, ports: [{ host_port: 20_000, guest_port: 80 }] } };
    expect(definitionSchema.parse(older)).toEqual(older);
  });

  it('of a record that is bridged has no forwarded ports', () => {
    const { definition } = parseCreate({ name: 'web', image: 'demo', network: { mode: 'bridge' } }, NOW);
    const given = { ...definition, network: { ...definition.network, address: '10.77.0.2', mac: '02:53:0a:4d:00:02' } };
    expect(definitionSchema.parse(given)).toEqual(given);
    const odd = { ...given, network: { ...given.network, ports: [{ host_port: 1, guest_port: 1 }] } };
    expect(definitionSchema.safeParse(odd).success).toBe(false);
  });
});
