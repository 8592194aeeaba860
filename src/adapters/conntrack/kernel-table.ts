import type { Protocol, TableEntry } from '../../actors/contracts/counted-connections.ts';
import type { AddressKey } from './addresses.ts';

/** The kernel's table of connections, by whichever way this machine lets it be read. */

/** What names an entry in the kernel's table: the direction in which the connection was opened. */
export interface Tuple {
  readonly source: AddressKey;
  readonly destination: AddressKey;
  readonly protocol: Protocol;
  readonly source_port: number;
  readonly destination_port: number;
  /** Of both directions. */
  readonly zone: number;
  /** Of this direction alone: two connections with the same addresses and ports may differ in nothing else. */
  readonly original_zone: number;
}

export interface KernelEntry extends TableEntry {
  /** Text of the tuple. */
  readonly key: string;
  readonly tuple: Tuple;
  /**
   * Address that answers: the guest's, where addresses are translated, too. Of a connection that the kernel took up in the
   * middle it may be the one that spoke first since: who opened it is not known.
   */
  readonly guest: AddressKey;
  /** The kernel's number of this entry: another connection over the same tuple has another. Null where it is not told. */
  readonly id: number | null;
  /** Seconds until the kernel forgets it unless packets come; null where it is not told. */
  readonly timeout_s: number | null;
  /** Wall clock, epoch ms, where the kernel says when it happened. */
  readonly occurred_at: number | null;
}

export type Mode = 'netlink' | 'conntrack' | 'procfs';
export type Change = 'present' | 'destroyed';

/** Takes what is read of a dump. Entries to addresses that `concerns` denies are not told. */
export interface DumpSink {
  concerns(address: AddressKey): boolean;
  entry(entry: KernelEntry): void;
}

/** Told by a table while it is open. Entries to addresses that `concerns` denies are not told. */
export interface TableListener {
  concerns(address: AddressKey): boolean;
  event(entry: KernelEntry, change: Change): void;
  /** Everything that had come so far has been told. */
  drained(): void;
  /** Messages read, whomever they concern. */
  seen(messages: number): void;
  garbage(messages: number): void;
  /** Events were lost; later ones come. */
  overrun(): void;
  /** No event comes any more: the table is of no use and is to be opened anew. */
  broken(error: Error): void;
}

export interface Dumped {
  /** Entries in the table, whomever they concern. */
  readonly entries: number;
  /** The table changed in a way that may have hidden entries: read it again. */
  readonly interrupted: boolean;
}

/** All fail with a `TableError`. */
export interface KernelTable {
  readonly mode: Mode;
  /** How often it must be read where no events come; null where they do. */
  readonly pollMs: number | null;
  /** Reads all of it and tells the entries that concern somebody. */
  dump(sink: DumpSink): Promise<Dumped>;
  /** Resolves when all events that had happened before the call have been told. */
  caughtUp(): Promise<void>;
  /**
   * Removes the entries of connections that are answered from these addresses, and no others. Asks right before each
   * removal whether it is still in time.
   */
  remove(addresses: readonly AddressKey[], isInTime: (address: AddressKey) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** The table cannot be used; the message is a sentence for whoever operates the host. */
export class TableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TableError';
  }
}

export function keyOfTuple(tuple: Tuple): string {
  const { protocol, source, source_port, destination, destination_port, zone, original_zone } = tuple;
  return `${protocol}|${source}|${source_port}|${destination}|${destination_port}|${zone}|${original_zone}`;
}
