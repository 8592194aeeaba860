import { BlockList } from 'node:net';
import { address6In, PREFIX6 } from '../../actors/contracts/address6.ts';
import type {
  Attached,
  KnownInstances,
  Lease,
  Network,
  NetworkError,
  NetworkErrorCode,
  NetworkStatus,
  Reconciled,
  Tracking,
} from '../../actors/contracts/network.ts';

/** A network that exists in memory only, for hosts without rights and for tests: the same promises, no device. */

export interface SimulatedTap {
  readonly owner: string;
  readonly address: string;
  isOnBridge: boolean;
  isOpen: boolean;
}

export interface SimulatedDevices {
  /** Owner of the bridge; null when there is none. */
  bridge: string | null;
  /** Taps by name of the instance, in the order they were made. */
  readonly taps: Map<
    string,
    { readonly owner: string; readonly address: string; isOnBridge: boolean; isOpen: boolean }
  >;
  /** Addresses that are known permanently, and the ones the filter lets through, by instance. */
  readonly neighbours: Map<string, readonly string[]>;
  readonly filter: Map<string, readonly string[]>;
  /** Owner of the filter; null when there is none. */
  table: string | null;
  /** Whether connections of guests are tracked. */
  isTracking: boolean;
  /** Addresses that somebody else answers for. */
  readonly answered: Set<string>;
  hasRights: boolean;
}

export function createSimulatedDevices(): SimulatedDevices {
  return {
    bridge: null,
    taps: new Map(),
    neighbours: new Map(),
    filter: new Map(),
    table: null,
    isTracking: false,
    answered: new Set(),
    hasRights: true,
  };
}

export interface SimulatedNetworkOptions {
  readonly bridge: string;
  readonly owner: string;
  readonly range: string;
  readonly prefix: number;
  readonly gateway: string;
  readonly range6: string | null;
  readonly probe: string | null;
  readonly nat: boolean;
  /** The host it is on; by default one of its own. */
  readonly devices?: SimulatedDevices;
}

class Refused extends Error {
  readonly code: NetworkErrorCode;

  constructor(code: NetworkErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function createSimulatedNetwork(options: SimulatedNetworkOptions): Network {
  return new SimulatedNetwork(options);
}

function isInside(range: string, address: string): boolean {
  const [base = '', prefix] = range.split('/');
  const list = new BlockList();
  list.addSubnet(base, Number(prefix));
  return list.check(address);
}

class SimulatedNetwork implements Network {
  readonly #options: SimulatedNetworkOptions;
  readonly #devices: SimulatedDevices;
  readonly #leases = new Map<string, Lease>();
  #isMade = false;
  #repairs = 0;
  #leftoversRemoved = 0;
  #lastError: NetworkError | null = null;

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options;
    this.#devices = options.devices ?? createSimulatedDevices();
  }

  attach(lease: Lease, signal: AbortSignal): Promise<Attached> {
    const { instance, address, mac } = lease;
    const { prefix, gateway, range6 } = this.#options;
    const address6 = range6 === null ? null : address6In(range6, address);
    const gateway6 = range6 === null ? null : address6In(range6, gateway);
    const told = { address, prefix, gateway, address6, prefix6: range6 === null ? null : PREFIX6, gateway6 };
    return this.#answer(() => {
      if (signal.aborted) throw new Refused('network_failed', 'withdrawn before it began');
      this.#look();
      this.#make(lease);
      return { attachment: { tap: `simulated-${instance}`, mac, ...told } };
    });
  }

  async detach(instance: string): Promise<NetworkError | null> {
    const done = await this.#answer(() => {
      this.#look();
      const tap = this.#devices.taps.get(instance);
      if (tap === undefined || this.#isOwn(tap)) this.#forget(instance);
      return null;
    });
    return done === null ? null : done.error;
  }

  reconcile(known: () => KnownInstances): Promise<Reconciled> {
    return this.#answer(() => {
      const { leases, isKnown } = known();
      const { taps, neighbours, filter } = this.#devices;
      this.#look();
      for (const lease of leases) this.#leases.set(lease.instance, lease);
      const repaired = this.#repair();
      const own = [...taps].filter(([, tap]) => this.#isOwn(tap)).map(([id]) => id);
      const marked = [...new Set([...own, ...neighbours.keys(), ...filter.keys()])];
      const removed = marked.filter((id) => !isKnown(id));
      for (const id of removed) this.#forget(id);
      for (const { instance, address } of leases) filter.set(instance, this.addressesOf(address));
      this.#leftoversRemoved += removed.length;
      return { removed, repaired };
    });
  }

  keepTracking(): Promise<Tracking> {
    return this.#answer((): Tracking => {
      this.#look();
      const { isTracking } = this.#devices;
      this.#devices.isTracking = true;
      return { tracking: isTracking ? 'kept' : 'repaired' };
    });
  }

  addressesOf(address: string): readonly string[] {
    const { range6 } = this.#options;
    return range6 === null ? [address] : [address, address6In(range6, address)];
  }

  probeAddress(): string | null {
    const { probe } = this.#options;
    const isHeld = [...this.#leases.values()].some(({ address }) => address === probe);
    return this.#isMade && !isHeld ? probe : null;
  }

  async check(): Promise<readonly NetworkError[]> {
    const refused = await this.#answer(() => {
      this.#look();
      const isStopped = this.#devices.bridge !== null && !this.#devices.isTracking;
      if (isStopped) throw new Refused('not_tracked', 'the kernel was not told to track connections');
    });
    return refused === undefined ? [] : [refused.error];
  }

  async remove(): Promise<NetworkError | null> {
    const devices = this.#devices;
    const done = await this.#answer(() => {
      this.#look();
      const own = [...devices.taps].filter(([, tap]) => this.#isOwn(tap));
      const busy = own.find(([, tap]) => tap.isOpen);
      if (busy !== undefined) throw new Refused('in_use', `the guest of ${busy[0]} uses its tap`);
      for (const [id] of own) this.#forget(id);
      devices.neighbours.clear();
      devices.filter.clear();
      devices.bridge = null;
      devices.table = null;
      devices.isTracking = false;
      return null;
    });
    return done === null ? null : done.error;
  }

  status(): NetworkStatus {
    const { bridge, range, gateway, range6, nat } = this.#options;
    const told = { repairs: this.#repairs, leftovers_removed: this.#leftoversRemoved, last_error: this.#lastError };
    const tracked = { not_tracked: null, tracks_between_guests: true };
    return { bridge, range, gateway, range6, probe_address: this.probeAddress(), nat, ...tracked, ...told };
  }

  async #answer<T>(operation: () => T): Promise<T | { readonly error: NetworkError }> {
    try {
      const done = operation();
      this.#lastError = null;
      return done;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#lastError = { code: error.code, message: error.message };
      return { error: this.#lastError };
    }
  }

  #isOwn({ owner }: { readonly owner: string }): boolean {
    return owner === this.#options.owner;
  }

  #look(): void {
    const { bridge, owner } = this.#options;
    const isForeign = (found: string | null): boolean => found !== null && found !== owner;
    if (!this.#devices.hasRights) throw new Refused('no_rights', 'the daemon needs CAP_NET_ADMIN');
    if (isForeign(this.#devices.bridge)) throw new Refused('not_ours', `the device ${bridge} belongs to somebody else`);
    if (isForeign(this.#devices.table)) throw new Refused('not_ours', 'the nft table statevisor is not ours');
  }

  #make(lease: Lease): void {
    const { instance, address } = lease;
    const { taps, answered, neighbours, filter } = this.#devices;
    const { range } = this.#options;
    if (!isInside(range, address)) throw new Refused('out_of_range', `${address} is not in ${range}`);
    const tap = taps.get(instance);
    if (tap !== undefined && !this.#isOwn(tap)) throw new Refused('not_ours', `the tap of ${instance} is not ours`);
    if (tap?.isOpen) throw new Refused('tap_busy', `another process has the tap of ${instance} open`);
    this.#repair();
    if (answered.has(address)) throw new Refused('address_taken', `somebody else answers for ${address}`);
    taps.set(instance, { owner: this.#options.owner, address, isOnBridge: true, isOpen: false });
    neighbours.set(instance, this.addressesOf(address));
    filter.set(instance, this.addressesOf(address));
    this.#leases.set(instance, lease);
  }

  #repair(): string[] {
    const devices = this.#devices;
    const { bridge, owner } = this.#options;
    const isLoose = ([id, tap]: [string, SimulatedTap]): boolean =>
      this.#isOwn(tap) && !tap.isOnBridge && this.#leases.has(id);
    const loose = [...devices.taps].filter(isLoose);
    const isGone = devices.bridge === null;
    for (const [id, tap] of loose) {
      tap.isOnBridge = true;
      devices.neighbours.set(id, this.addressesOf(tap.address));
    }
    if (devices.table === null) {
      for (const { instance, address } of this.#leases.values())
        devices.filter.set(instance, this.addressesOf(address));
    }
    devices.bridge = owner;
    devices.table = owner;
    devices.isTracking = true;
    this.#isMade = true;
    if (loose.length > 0) this.#repairs += 1;
    return [...(isGone ? [bridge] : []), ...loose.map(([id]) => id)];
  }

  #forget(instance: string): void {
    this.#devices.taps.delete(instance);
    this.#devices.neighbours.delete(instance);
    this.#devices.filter.delete(instance);
    this.#leases.delete(instance);
  }
}
