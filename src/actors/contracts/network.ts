/**
 * The network of bridged guests on this host: one bridge with the gateway's address, one tap for each instance, and a
 * packet filter that lets a guest speak under its own addresses only.
 *
 * Promises every implementation keeps (test/contracts/network.contract.ts runs over each of them):
 * - `attach` is idempotent and makes whatever is missing for this lease, the bridge included. When it is done a VMM can
 *   open the tap. When it fails, nothing of this lease that was not there before is left.
 * - `detach` is idempotent: what is not there is not missed. It removes nothing of any other instance.
 * - `reconcile` removes what belongs to no known instance and carries this network's marks, and repairs the bridge. It
 *   never touches the tap of an instance that is known, whether it has a lease or not.
 * - What does not carry this network's marks is nobody's to take: a bridge, a tap or a table of the same name is refused
 *   as `not_ours` and left exactly as it is.
 * - Operations of one network run one after the other, and each settles by its own time limits. `known` is asked at the
 *   beginning of `reconcile`, so that whoever is attached later is not taken for a leftover.
 * - Guests are not disturbed: a tap in use keeps its device, its bridge and its addresses through all of this.
 * - From the first `attach` or `reconcile` on the kernel is told to track every connection of guests, and to tell of each
 *   change; whatever of that is gone is made again by the next `attach`, `reconcile` or `keepTracking`.
 * - A guest has the IPv6 address that follows from its lease, and no entry of a neighbour outlives its lease.
 */

/** What the host ledger gave to an instance. */
export interface Lease {
  readonly instance: string;
  readonly address: string;
  /** Hardware address of the guest's card. */
  readonly mac: string;
}

/** What a VMM and its guest are told. */
export interface Attachment {
  /** Name of the tap. */
  readonly tap: string;
  readonly mac: string;
  readonly address: string;
  /** Length of the network's prefix. */
  readonly prefix: number;
  readonly gateway: string;
  /** The same for IPv6; null, all three, where guests have none. */
  readonly address6: string | null;
  readonly prefix6: number | null;
  readonly gateway6: string | null;
}

/**
 * `no_rights`: CAP_NET_ADMIN is missing. `tools_missing`: `ip` or `nft` is not installed. `bridge_missing`: the bridge is
 * not there, or went away under the operation. `not_ours`: something of that name belongs to somebody else. `tap_busy`:
 * another process has the tap open. `address_taken`: somebody else has the address. `out_of_range`: the network has
 * another range by now. `in_use`: a guest still uses the
 * network. `forwarding_off`: guests are to reach beyond the host, and the host does not forward. `not_tracked`: the kernel
 * does not tell who talks to guests. `network_failed`: anything else.
 */
export type NetworkErrorCode =
  | 'no_rights'
  | 'tools_missing'
  | 'bridge_missing'
  | 'not_ours'
  | 'tap_busy'
  | 'address_taken'
  | 'out_of_range'
  | 'in_use'
  | 'forwarding_off'
  | 'not_tracked'
  | 'network_failed';

export interface NetworkError {
  readonly code: NetworkErrorCode;
  /** A sentence that is safe to show. */
  readonly message: string;
}

export type Attached = { readonly attachment: Attachment } | { readonly error: NetworkError };

export interface KnownInstances {
  readonly leases: readonly Lease[];
  /** Whether an instance exists, also one whose lease cannot be read at present. */
  readonly isKnown: (instance: string) => boolean;
}

export type Reconciled =
  /** Names of what was removed and of what was repaired, for people. */
  { readonly removed: readonly string[]; readonly repaired: readonly string[] } | { readonly error: NetworkError };

/** What the network says of itself without looking. */
export interface NetworkStatus {
  readonly bridge: string;
  /** The network with its prefix, for example `10.77.0.0/16`. */
  readonly range: string;
  readonly gateway: string;
  /** Of the guests' IPv6 addresses; null where they have none. */
  readonly range6: string | null;
  /** As `probeAddress` says. */
  readonly probe_address: string | null;
  readonly nat: boolean;
  /** Why connections of guests may go unseen; null when the kernel was told to track them all. */
  readonly not_tracked: string | null;
  /** Whether connections from one guest to another are tracked too. */
  readonly tracks_between_guests: boolean;
  /** Times the bridge or the filter was found gone while this process ran, and was made again. */
  readonly repairs: number;
  /** Leftovers of a former daemon that were removed while this process ran. */
  readonly leftovers_removed: number;
  readonly last_error: NetworkError | null;
}

/** `repaired`: something was gone, so connections may have been opened since then of which the kernel knows nothing. */
export type Tracking = { readonly tracking: 'kept' | 'repaired' } | { readonly error: NetworkError };

export interface Network {
  attach(lease: Lease, signal: AbortSignal): Promise<Attached>;
  /** Null when nothing of the instance is left. */
  detach(instance: string): Promise<NetworkError | null>;
  reconcile(known: () => KnownInstances): Promise<Reconciled>;
  /** Makes the kernel track guests' connections again if it does not. Makes no bridge and attaches nobody. */
  keepTracking(): Promise<Tracking>;
  /** Every address, of IPv4 and IPv6 and in canonical text, that the guest with this leased one speaks under. */
  addressesOf(address: string): readonly string[];
  /**
   * The address of this host from which only the daemon's own probes come; null while there is none: on a range too small
   * for one, where an instance of before there was one holds it, and before the first `reconcile` or `attach` has made it.
   */
  probeAddress(): string | null;
  /** Everything that would keep guests from being attached, found by trying without changing anything. */
  check(): Promise<readonly NetworkError[]>;
  /** Removes the whole network from the host; refused (`in_use`) while a guest uses it. Idempotent. */
  remove(): Promise<NetworkError | null>;
  status(): NetworkStatus;
}
