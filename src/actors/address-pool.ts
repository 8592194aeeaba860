import { isIPv4 } from 'node:net';
import type { Definition } from '../../machines/definition.ts';
import type { Lease } from './contracts/network.ts';
import { StatevisorError } from './errors.ts';

/** The IPv4 addresses of bridged guests: which instance has which one. Part of the host ledger, and as synchronous. */

export interface AddressRange {
  /** In canonical text, for example `10.77.0.0/16`. */
  readonly cidr: string;
  readonly prefix: number;
  /** The first address of the range: the host's own. */
  readonly gateway: string;
  /** The last address of the range, from which this host's own probes come; null where that would leave guests none. */
  readonly probe: string | null;
  /** First and last address for guests, as numbers. */
  readonly first: number;
  readonly last: number;
}

/** Shortest and longest prefix of a range: 65,532 guests at most, one at least. */
export const RANGE_PREFIX_MIN = 16;
export const RANGE_PREFIX_MAX = 30;
export const RANGE_DEFAULT = '10.77.0.0/16';

type DefinitionNetwork = Definition['network'];
export type BridgeNetwork = Extract<DefinitionNetwork, { mode: 'bridge' }>;

const OCTET = 256;
/** Locally administered, one for each address; the tap's own differs in the first octet. */
const GUEST_MAC_BEGIN = ['02', '53'];

function toNumber(address: string): number {
  return address.split('.').reduce((sum, octet) => sum * OCTET + Number(octet), 0);
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) % OCTET).join('.');
}

/** The hardware address of the guest that has this address. */
export function macOf(address: string): string {
  const octets = address.split('.').map((octet) => Number(octet).toString(16).padStart(2, '0'));
  return [...GUEST_MAC_BEGIN, ...octets].join(':');
}

/** Reads a range such as `10.77.0.0/16`; null when it is none, or too small or too large. Host bits are cleared. */
export function parseRange(text: string): AddressRange | null {
  const [address = '', length = ''] = text.split('/');
  if (!isIPv4(address) || !/^\d{1,2}$/.test(length)) return null;
  const prefix = Number(length);
  if (prefix < RANGE_PREFIX_MIN || prefix > RANGE_PREFIX_MAX) return null;
  const size = 2 ** (32 - prefix);
  const network = Math.floor(toNumber(address) / size) * size;
  // The first address names the network, the second is the host's, the last one means everybody.
  const [gateway, first, last] = [toText(network + 1), network + 2, network + size - 2];
  const cidr = `${toText(network)}/${prefix}`;
  if (first === last) return { cidr, prefix, gateway, probe: null, first, last };
  return { cidr, prefix, gateway, probe: toText(last), first, last: last - 1 };
}

function refuse(message: string, details: Readonly<Record<string, unknown>> = {}): never {
  throw new StatevisorError('insufficient_resources', message, { field: 'network.address', details });
}

export class AddressPool {
  readonly range: AddressRange | null;
  readonly #holders = new Map<string, { readonly id: string; readonly mac: string }>();
  #next: number;

  /** Without a range no instance can be bridged. */
  constructor(range: AddressRange | null) {
    this.range = range;
    this.#next = range?.first ?? 0;
  }

  /** Fills in the address and its MAC, or throws; holds nothing yet. */
  choose(id: string, network: DefinitionNetwork): DefinitionNetwork {
    if (network.mode !== 'bridge') return network;
    const { address, mac } = network;
    // With a MAC it was given out before: it stays this instance's whatever the range is by now.
    if (address !== null && mac !== null) {
      this.#refuseTaken(id, address);
      return network;
    }
    const { range } = this;
    if (range === null) {
      throw new StatevisorError('not_supported', 'network.mode bridge needs a daemon that was started with --bridge.', {
        field: 'network.mode',
      });
    }
    const given = address ?? this.#free(range);
    const number = toNumber(given);
    if (number < range.first || number > range.last) {
      const bounds = `${toText(range.first)} to ${toText(range.last)}`;
      refuse(`${given} is not an address for guests of ${range.cidr}: those are ${bounds}.`);
    }
    this.#refuseTaken(id, given);
    return { ...network, address: given, mac: macOf(given) };
  }

  hold(id: string, network: DefinitionNetwork): void {
    if (network.mode !== 'bridge' || network.address === null || network.mac === null) return;
    this.#holders.set(network.address, { id, mac: network.mac });
  }

  release(id: string, network: DefinitionNetwork): void {
    if (network.mode !== 'bridge' || network.address === null) return;
    if (this.#holders.get(network.address)?.id === id) this.#holders.delete(network.address);
  }

  leases(): Lease[] {
    return [...this.#holders].map(([address, { id, mac }]) => ({ instance: id, address, mac }));
  }

  /** The address that no guest speaks from, because it is kept for probes; null when there is none, or a guest has it. */
  probeAddress(): string | null {
    const probe = this.range?.probe ?? null;
    return probe === null || this.#holders.has(probe) ? null : probe;
  }

  /** Addresses for guests: how many are held (of another range too), and how many of this one are free. */
  usage(): { used: number; free: number } {
    const { range } = this;
    const inside = [...this.#holders.keys()].map(toNumber).filter((address) => {
      return range !== null && address >= range.first && address <= range.last;
    });
    const size = range === null ? 0 : range.last - range.first + 1;
    return { used: this.#holders.size, free: size - inside.length };
  }

  #refuseTaken(id: string, address: string): void {
    const holder = this.#holders.get(address);
    if (holder !== undefined && holder.id !== id) {
      refuse(`${address} is taken by the instance ${holder.id}.`, { id: holder.id });
    }
  }

  /** The next free one after the last that was given out, so that one that was just released rests as long as it can. */
  #free({ cidr, first, last }: AddressRange): string {
    for (let tries = first; tries <= last; tries++) {
      const address = this.#next;
      this.#next = address >= last ? first : address + 1;
      if (!this.#holders.has(toText(address))) return toText(address);
    }
    return refuse(`All addresses of ${cidr} are taken.`);
  }
}
