import assert from 'node:assert/strict';
import type {
  Attachment,
  KnownInstances,
  Lease,
  Network,
  NetworkErrorCode,
} from '../../src/actors/contracts/network.ts';
import type { ContractCheck } from './contract-suite.ts';

/** What there is on the host, read without asking the network. */
export interface SeenNetwork {
  /** A device of the bridge's name exists, whosever it is. */
  readonly bridge: boolean;
  /** Instances that have a device of their tap's name, and those whose device is on the bridge. */
  readonly taps: readonly string[];
  readonly onBridge: readonly string[];
  /** Addresses that are known permanently on the bridge. */
  readonly neighbours: readonly string[];
  /** Instances that the packet filter lets through. */
  readonly filter: readonly string[];
  /** The kernel was told to track connections. */
  readonly tracked: boolean;
}

export const NOTHING: SeenNetwork = {
  bridge: false,
  taps: [],
  onBridge: [],
  neighbours: [],
  filter: [],
  tracked: false,
};

/** What the network contract needs from an implementation's test. One world serves one check. */
export interface NetworkWorld {
  readonly network: Network;
  /** A fresh object over the same host, as after the daemon was killed. */
  reopen(): Network;
  /** The network as somebody else's daemon would have it: another owner, the same names. */
  readonly somebodyElse: Network;
  /** The same network in a process without the rights for it. */
  withoutRights(): Network;
  /** The same network whose guests are to have no IPv6. */
  withoutIpv6(): Network;
  seen(): Promise<SeenNetwork>;
  readonly hands: {
    /** Opens the tap of an instance, as a VMM does, until the world ends. */
    holdTap(instance: string): Promise<void>;
    /** Makes a device of the tap's name that is not ours. */
    takeTap(instance: string): Promise<void>;
    takeBridge(): Promise<void>;
    takeTable(): Promise<void>;
    removeBridge(): Promise<void>;
    removeTable(): Promise<void>;
    /** What makes the kernel track connections goes, as when somebody loads a packet filter of their own. */
    stopTracking(): Promise<void>;
    /** Somebody on the bridge answers for the address from now on; there must be a bridge. */
    answerFor(address: string): Promise<void>;
  };
  destroy(): Promise<void>;
}

export type NetworkCheck = ContractCheck<NetworkWorld>;

export const BRIDGE = 'svtest0';
export const RANGE = {
  range: '10.91.0.0/24',
  prefix: 24,
  gateway: '10.91.0.1',
  range6: 'fd91:0:0:7::/64',
  probe: '10.91.0.254',
} as const;
export const GATEWAY6 = 'fd91::7:0:0:a5b:1';

/** The IPv6 address that belongs to the lease of the n-th instance. */
export function address6(n: number): string {
  return `fd91::7:0:0:a5b:${(n + 1).toString(16)}`;
}

/** The lease of the n-th instance. */
export function lease(n: number): Lease {
  const octet = (n + 1).toString(16).padStart(2, '0');
  return {
    instance: `01kb00000000000000000000${String(n).padStart(2, '0')}`,
    address: `10.91.0.${n + 1}`,
    mac: `02:53:0a:5b:00:${octet}`,
  };
}

export function known(...leases: readonly Lease[]): () => KnownInstances {
  return () => ({ leases, isKnown: (instance) => leases.some((one) => one.instance === instance) });
}

export const wanted = (): AbortSignal => new AbortController().signal;

export async function attach(network: Network, to: Lease): Promise<Attachment> {
  const attached = await network.attach(to, wanted());
  if ('error' in attached) assert.fail(`not attached: ${JSON.stringify(attached.error)}`);
  return attached.attachment;
}

export async function refusal(network: Network, to: Lease): Promise<NetworkErrorCode | 'attached'> {
  const attached = await network.attach(to, wanted());
  return 'error' in attached ? attached.error.code : 'attached';
}

/** What there is of exactly these leases, when they are attached. */
export function attachedTo(...leases: readonly Lease[]): SeenNetwork {
  const instances = leases.map(({ instance }) => instance).sort();
  const addresses = leases.flatMap(({ address }) => [address, address6(Number(address.split('.').at(-1)) - 1)]);
  const neighbours = addresses.sort();
  return { bridge: true, taps: instances, onBridge: instances, neighbours, filter: instances, tracked: true };
}
