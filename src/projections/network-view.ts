import type { Definition } from '../../machines/definition.ts';

/** How an instance can be reached. With mode `bridge` there are no ports, and an address and a MAC instead. */
export interface NetworkView {
  readonly enabled: boolean;
  readonly mode: 'user' | 'bridge';
  readonly ports: Definition['network']['ports'];
  readonly address?: string;
  /** A live reading: it follows from the address and from what the daemon was started with. */
  readonly address6?: string;
  readonly mac?: string;
}

/** Definitions from before there were modes have none, and mean `user`. */
export function networkView(network: Definition['network']): NetworkView {
  const { enabled, ports } = network;
  if (network.mode !== 'bridge') return { enabled, mode: 'user', ports };
  const { address, mac } = network;
  return {
    enabled,
    mode: 'bridge',
    ports,
    ...(address === null ? {} : { address }),
    ...(mac === null ? {} : { mac }),
  };
}

/** All that a guest with this leased address speaks under, of IPv4 and IPv6. */
export type AddressesOf = (address: string) => readonly string[];

/** With the IPv6 address, where the guest has one. */
export function withAddress6(view: NetworkView, addressesOf: AddressesOf): NetworkView {
  if (view.address === undefined) return view;
  const address6 = addressesOf(view.address).find((address) => address.includes(':'));
  return address6 === undefined ? view : { ...view, address6 };
}
