import { type AddressKey, isMapped } from './addresses.ts';
import { type KernelEntry, TableError } from './kernel-table.ts';
import { isToItself, LOOPBACK_KEYS, type OwnFlow, type SendToSelf } from './own-flow.ts';

/**
 * Shows with each dump that the kernel tracks connections at all, and tells of them: an empty table is believed only
 * when a flow of our own, begun just before, is in it. One flow for each family that guests are spoken to over.
 */
export class TrackingProof {
  readonly #send: SendToSelf;
  #flows: readonly OwnFlow[] = [];
  /** Flows of this machine to itself, since the first of ours was sent: the kernel may tell of it before it is known here. */
  #heard: KernelEntry[] = [];
  #found: KernelEntry[] = [];
  #underWay = false;

  constructor(send: SendToSelf) {
    this.#send = send;
  }

  /** Before a dump. */
  async begin(guests: Iterable<{ readonly addresses: readonly AddressKey[] }>): Promise<void> {
    this.abandon();
    this.#underWay = true;
    const hasIpv6 = [...guests].some(({ addresses }) =>
      addresses.some((key) => typeof key === 'string' && !isMapped(key)),
    );
    const families = hasIpv6 ? (['IPv4', 'IPv6'] as const) : (['IPv4'] as const);
    const flows = await Promise.all(families.map((family) => this.#send(family)));
    this.#flows = flows.filter((flow) => flow !== null);
    if (this.#flows.length === 0) throw new TableError('this machine cannot send to itself (is its loopback down?)');
  }

  concerns(address: AddressKey): boolean {
    return this.#underWay && LOOPBACK_KEYS.has(address);
  }

  found(entry: KernelEntry): void {
    if (this.#underWay && isToItself(entry)) this.#found.push(entry);
  }

  heard(entry: KernelEntry): void {
    if (this.#underWay && isToItself(entry)) this.#heard.push(entry);
  }

  abandon(): void {
    this.#underWay = false;
    this.#flows = [];
    this.#heard = [];
    this.#found = [];
  }

  /** After the dump. Throws what is wrong. */
  checkDump(): void {
    if (this.#flows.some((flow) => !this.#found.some(flow.isOf))) {
      throw new TableError('the kernel does not track connections here: no rule of its packet filter asks for it');
    }
  }

  /** When all events until after the dump have been heard. Throws what is wrong. */
  checkEvents(): void {
    if (this.#flows.some((flow) => !this.#heard.some(flow.isOf))) {
      throw new TableError('the kernel does not tell of connections: net.netfilter.nf_conntrack_events is 0');
    }
  }
}
