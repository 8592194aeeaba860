import { type AddressKey, isMapped } from './addresses.ts';
import { type KernelEntry, TableError } from './kernel-table.ts';
import { LOOPBACK_KEYS, type OwnFlow, sendToSelf } from './own-flow.ts';

interface Proof {
  readonly flow: OwnFlow;
  inTable: boolean;
  told: boolean;
}

/**
 * Shows with each dump that the kernel tracks connections at all, and tells of them: an empty table is believed only
 * when a flow of our own, begun just before, is in it. One flow for each family that guests are spoken to over.
 */
export class TrackingProof {
  #proofs: Proof[] = [];

  /** Before a dump. */
  async begin(guests: Iterable<{ readonly addresses: readonly AddressKey[] }>): Promise<void> {
    const hasIpv6 = [...guests].some(({ addresses }) =>
      addresses.some((key) => typeof key === 'string' && !isMapped(key)),
    );
    const families = hasIpv6 ? (['IPv4', 'IPv6'] as const) : (['IPv4'] as const);
    const flows = await Promise.all(families.map(sendToSelf));
    this.#proofs = flows.flatMap((flow) => (flow === null ? [] : [{ flow, inTable: false, told: false }]));
    if (this.#proofs.length === 0) throw new TableError('this machine cannot send to itself (is its loopback down?)');
  }

  concerns(address: AddressKey): boolean {
    return this.#proofs.length > 0 && LOOPBACK_KEYS.has(address);
  }

  found(entry: KernelEntry): void {
    for (const proof of this.#proofs) proof.inTable ||= proof.flow.isOf(entry);
  }

  heard(entry: KernelEntry): void {
    for (const proof of this.#proofs) proof.told ||= proof.flow.isOf(entry);
  }

  abandon(): void {
    this.#proofs = [];
  }

  /** After the dump. Throws what is wrong. */
  checkDump(): void {
    if (this.#proofs.some(({ inTable }) => !inTable)) {
      throw new TableError('the kernel does not track connections here: no rule of its packet filter asks for it');
    }
  }

  /** When all events until after the dump have been heard. Throws what is wrong. */
  checkEvents(): void {
    if (this.#proofs.some(({ told }) => !told)) {
      throw new TableError('the kernel does not tell of connections: net.netfilter.nf_conntrack_events is 0');
    }
  }
}
