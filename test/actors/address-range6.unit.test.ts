import { describe, expect, it } from 'vitest';
import { ownRange6, parseRange6 } from '../../src/actors/address-range6.ts';
import { address6In } from '../../src/actors/contracts/address6.ts';

describe('the IPv6 network of bridged guests', () => {
  it.each([
    ['fd12:3456:789a::/64', 'fd12:3456:789a::/64'],
    ['FD12:0:0:0:1:2:3:4/64', 'fd12::/64'],
    ['fd00:0:0:7::1/64', 'fd00:0:0:7::/64'],
    ['2001:db8:1:2::/64', '2001:db8:1:2::/64'],
  ])('%s is %s: host bits are cleared', (text, network) => {
    expect(parseRange6(text)).toBe(network);
  });

  it.each([
    '',
    'fd00::',
    'fd00::/48',
    'fd00::/064',
    'fe80::/64',
    'ff02::/64',
    '::/64',
    '10.77.0.0/64',
    'fd00::%eth0/64',
  ])('%j is none', (text) => {
    expect(parseRange6(text)).toBeNull();
  });

  it('that is chosen for an owner is a unique local one, always the same, and another for another owner', () => {
    const own = ownRange6('aaaaaaaaaaaaaaaa');
    expect(parseRange6(own)).toBe(own);
    expect(own).toMatch(/^fd/);
    expect(ownRange6('aaaaaaaaaaaaaaaa')).toBe(own);
    expect(ownRange6('bbbbbbbbbbbbbbbb')).not.toBe(own);
  });

  it.each([
    ['fd12:3456:789a::/64', '10.77.0.2', 'fd12:3456:789a::a4d:2'],
    ['fd00:0:0:7::/64', '192.168.255.254', 'fd00::7:0:0:c0a8:fffe'],
    ['2001:db8:1:2::/64', '10.0.0.1', '2001:db8:1:2::a00:1'],
  ])('in %s the guest at %s is %s, in the one text that addresses are compared in', (network, address, address6) => {
    expect(address6In(network, address)).toBe(address6);
  });
});
