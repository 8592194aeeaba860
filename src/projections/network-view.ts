import type { Definition } from '../../machines/definition.ts';

/** How an instance can be reached. With mode `bridge` there are no ports, and an address and a MAC instead. */
export interface NetworkView {
  readonly enabled: boolean;
  readonly mode: 'user' | 'bridge';
  readonly ports: Definition['network']['ports'];
  readonly address?: string;
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
