import { describe, expect, it } from 'vitest';
import { type NetworkView, withAddress6 } from '../../src/projections/network-view.ts';

describe('the network of an instance', () => {
  const bridged: NetworkView = {
    enabled: true,
    mode: 'bridge',
    ports: [],
    address: '10.77.0.2',
    mac: '02:53:0a:4d:00:02',
  };

  it('shows the IPv6 address beside the leased one', () => {
    const addressesOf = (address: string): string[] => [address, 'fd00::a4d:2'];
    expect(withAddress6(bridged, addressesOf)).toEqual({ ...bridged, address6: 'fd00::a4d:2' });
  });

  it('is shown as it is where guests have no IPv6, and where the guest has no address', () => {
    expect(withAddress6(bridged, (address) => [address])).toBe(bridged);
    const forwarded: NetworkView = { enabled: true, mode: 'user', ports: [] };
    expect(withAddress6(forwarded, () => ['fd00::a4d:2'])).toBe(forwarded);
  });
});
