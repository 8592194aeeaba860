import { describe, expect, it } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import { AddressPool, macOf, parseRange } from '../../src/actors/address-pool.ts';
import { HostLedger, PORT_RANGE_DEFAULT } from '../../src/actors/host-ledger.ts';
import { definition } from './simulated-host.ts';

function bridged(name: string, address: string | null = null, mac: string | null = null): Definition {
  return definition({ name, network: { mode: 'bridge', enabled: true, ports: [], address, mac } });
}

function ledgerOf(range: string): { ledger: HostLedger; pool: AddressPool } {
  const pool = new AddressPool(parseRange(range));
  return { pool, ledger: new HostLedger(PORT_RANGE_DEFAULT, pool) };
}

function addressOf({ network }: Definition): string | null {
  return network.mode === 'bridge' ? network.address : null;
}

function refusalOf(act: () => unknown): unknown {
  try {
    act();
    return 'no refusal';
  } catch (error) {
    return error;
  }
}

describe('addresses of bridged guests', () => {
  it.each([
    ['10.77.0.0/16', '10.77.0.0/16', '10.77.0.1', '10.77.255.254'],
    ['10.77.0.9/24', '10.77.0.0/24', '10.77.0.1', '10.77.0.254'],
    ['192.168.255.255/30', '192.168.255.252/30', '192.168.255.253', null],
    ['255.255.0.0/16', '255.255.0.0/16', '255.255.0.1', '255.255.255.254'],
  ])('the range %s is %s, its first address is the host, and its last is for probes', (text, cidr, gateway, probe) => {
    expect(parseRange(text)).toMatchObject({ cidr, gateway, probe });
  });

  it('the last one is for probes unless an instance has it from before that, and for as long as it has', () => {
    const { ledger, pool } = ledgerOf('10.0.0.0/29');
    expect(pool.probeAddress()).toBe('10.0.0.6');
    const held = ledger.reserve('a', bridged('a', '10.0.0.6', macOf('10.0.0.6')));
    expect(pool.probeAddress()).toBeNull();
    ledger.release('a', held);
    expect(pool.probeAddress()).toBe('10.0.0.6');
    expect(ledgerOf('10.0.0.0/30').pool.probeAddress()).toBeNull();
  });

  it('a range with one address for guests leaves it to a guest', () => {
    const { ledger, pool } = ledgerOf('10.0.0.0/30');
    expect(addressOf(ledger.reserve('a', bridged('a')))).toBe('10.0.0.2');
    expect(pool.usage()).toEqual({ used: 1, free: 0 });
  });

  it.each([
    '',
    '10.77.0.0',
    '10.77.0.0/15',
    '10.77.0.0/31',
    '10.77.0/24',
    '10.77.0.256/24',
    'fd00::/64',
    '10.77.0.0/2x',
  ])('%j is no range', (text) => {
    expect(parseRange(text)).toBeNull();
  });

  it('gives each instance one of its own, with the MAC that belongs to it, until all are taken', () => {
    const { ledger, pool } = ledgerOf('10.0.0.0/29');
    const given = ['a', 'b', 'c', 'd'].map((id) => ledger.reserve(id, bridged(id)));
    expect(given.map(addressOf)).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5']);
    expect(given[0]?.network).toMatchObject({ mac: '02:53:0a:00:00:02' });
    expect(pool.usage()).toEqual({ used: 4, free: 0 });
    const refused = refusalOf(() => ledger.reserve('f', bridged('f')));
    expect(refused).toMatchObject({ code: 'insufficient_resources', status: 409, field: 'network.address' });
    expect(ledger.idOfName('f')).toBeUndefined();
  });

  it.each([
    ['of the network', '10.0.0.0'],
    ['of the host', '10.0.0.1'],
    ['of probes', '10.0.0.254'],
    ['of everybody', '10.0.0.255'],
    ['of another network', '10.0.1.7'],
  ])('an address %s is refused', (_whose, address) => {
    const { ledger } = ledgerOf('10.0.0.0/24');
    const refused = refusalOf(() => ledger.reserve('a', bridged('a', address)));
    expect(refused).toMatchObject({ code: 'insufficient_resources', status: 409, field: 'network.address' });
    expect((refused as Error).message).toContain('10.0.0.2 to 10.0.0.253');
  });

  it('an address that is taken is refused with its holder, and takes nothing else', () => {
    const { ledger } = ledgerOf('10.0.0.0/24');
    ledger.reserve('a', bridged('a', '10.0.0.7'));
    const refused = refusalOf(() => ledger.reserve('b', bridged('b', '10.0.0.7')));
    expect(refused).toMatchObject({ code: 'insufficient_resources', field: 'network.address', details: { id: 'a' } });
    expect((refused as Error).message).toContain('instance a');
    expect(addressOf(ledger.reserve('b', bridged('b', '10.0.0.8')))).toBe('10.0.0.8');
  });

  it('what was released rests while others are free', () => {
    const { ledger } = ledgerOf('10.0.0.0/29');
    const first = ledger.reserve('a', bridged('a'));
    ledger.release('a', first);
    expect(['b', 'c', 'd', 'e'].map((id) => addressOf(ledger.reserve(id, bridged(id))))).toEqual([
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.2',
    ]);
  });

  it('only the holder releases an address', () => {
    const { ledger, pool } = ledgerOf('10.0.0.0/29');
    const held = ledger.reserve('a', bridged('a'));
    ledger.release('b', held);
    expect(pool.leases()).toEqual([{ instance: 'a', address: '10.0.0.2', mac: macOf('10.0.0.2') }]);
  });

  it('an address that was given out before stays with its instance when the range has changed', () => {
    const { ledger, pool } = ledgerOf('10.0.0.0/29');
    ledger.reserve('a', bridged('a', '10.9.9.9', macOf('10.9.9.9')));
    expect(pool.leases()).toEqual([{ instance: 'a', address: '10.9.9.9', mac: macOf('10.9.9.9') }]);
    expect(pool.usage()).toEqual({ used: 1, free: 4 });
  });

  it('without a bridge a new bridged instance is refused by the name of the flag, and an old one is kept', () => {
    const pool = new AddressPool(null);
    const ledger = new HostLedger(PORT_RANGE_DEFAULT, pool);
    const refused = refusalOf(() => ledger.reserve('a', bridged('a')));
    expect(refused).toMatchObject({ code: 'not_supported', field: 'network.mode' });
    expect((refused as Error).message).toContain('--bridge');
    ledger.reserve('b', bridged('b', '10.0.0.2', macOf('10.0.0.2')));
    expect(pool.usage()).toEqual({ used: 1, free: 0 });
  });
});
