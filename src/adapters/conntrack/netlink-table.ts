import type { Clock } from '../../actors/contracts/clock.ts';
import type { AddressKey } from './addresses.ts';
import {
  type Dumped,
  type DumpSink,
  type KernelEntry,
  type KernelTable,
  TableError,
  type TableListener,
} from './kernel-table.ts';
import { type NetlinkSink, type Read, readMessages } from './netlink-messages.ts';
import { deleteRequest, dumpRequest, noopMessage } from './netlink-requests.ts';
import { KernelRefusal, type NetlinkSocket, type NetlinkSockets, openNetlink } from './netlink-socket.ts';

/** Enough for about a hundred thousand events that have not been read yet, at 620 bytes each. */
export const RECEIVE_BUFFER_DEFAULT_BYTES = 64 * 1024 ** 2;
/** The kernel fills up to this much of a dump at a time. */
const READ_BUFFER_BYTES = 64 * 1024;
/** Datagrams taken before other work of the process gets a turn. */
const TAKEN_AT_ONCE_MAX = 2_048;
/** Parts of a dump read before events get a turn, so that they do not pile up meanwhile. */
const DUMP_PARTS_AT_ONCE = 8;
/** Entries removed before events get a turn: each of them is an event. */
const REMOVALS_AT_ONCE = 64;
/** Longest wait for an answer of the kernel, which comes at once. */
const ANSWER_LIMIT_MS = 10_000;
/** What lets events pass that have piled up, before a dump counts as complete. */
const CAUGHT_UP_LIMIT_MS = 10_000;
/** Numbers of requests start over after this one. */
const SEQUENCE_MAX = 0x7fff_ffff;
/** ENOENT: what was to be removed is not there. */
const NOT_THERE = 2;
const NOTHING: DumpSink = { concerns: () => false, entry: () => undefined };

type Ask = (message: Buffer, sink: DumpSink, read: (read: Read) => void, tolerated?: number) => Promise<void>;

interface Asked {
  readonly socket: NetlinkSocket;
  readonly into: Buffer;
  readonly message: Buffer;
  readonly sink: DumpSink;
  readonly read: (read: Read) => void;
  /** An error that is as good as none. */
  readonly tolerated: number | undefined;
}

export interface NetlinkTableOptions {
  readonly clock: Clock;
  readonly listener: TableListener;
  readonly receiveBufferBytes: number;
}

/** Opens the table through the kernel's own messages; fails with a `TableError` where that cannot be done. */
export async function openNetlinkTable(options: NetlinkTableOptions): Promise<KernelTable> {
  try {
    const sockets = await openNetlink();
    const table = new NetlinkTable(options, sockets);
    // Whether the kernel has a table at all, and lets it be read, shows in reading it.
    await table.dump(NOTHING).catch(async (error: unknown) => {
      await table.close();
      throw error;
    });
    return table;
  } catch (error) {
    throw asTableError(error);
  }
}

function asTableError(error: unknown): TableError {
  if (error instanceof TableError) return error;
  const code = codeOf(error);
  return new TableError(SENTENCES[code] ?? `the kernel refuses to tell of connections (${code})`, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}

const SENTENCES: Readonly<Record<string, string>> = {
  EPERM: 'the daemon needs CAP_NET_ADMIN to read connections',
  EACCES: 'the daemon needs CAP_NET_ADMIN to read connections',
  EPROTONOSUPPORT: 'the kernel has no netfilter',
  EAFNOSUPPORT: 'the kernel has no netlink sockets',
  EINVAL: 'the kernel module nf_conntrack_netlink is missing',
};

class NetlinkTable implements KernelTable {
  readonly mode = 'netlink';
  readonly pollMs = null;
  readonly #clock: Clock;
  readonly #listener: TableListener;
  readonly #sockets: NetlinkSockets;
  readonly #events: NetlinkSocket;
  readonly #marks = new Map<number, () => void>();
  readonly #listening: Promise<void>;
  #sequence = 0;
  #closed = false;

  constructor({ clock, listener, receiveBufferBytes }: NetlinkTableOptions, sockets: NetlinkSockets) {
    this.#clock = clock;
    this.#listener = listener;
    this.#sockets = sockets;
    this.#events = sockets.forEvents(receiveBufferBytes);
    this.#listening = this.#listen();
  }

  async dump(sink: DumpSink): Promise<Dumped> {
    const dumped = { entries: 0, interrupted: false };
    await this.#asking((ask) => this.#dump(ask, sink, dumped));
    return dumped;
  }

  async caughtUp(): Promise<void> {
    const sequence = this.#next();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#marks.set(sequence, () => resolve(false));
    const passed = new AbortController();
    try {
      // A message of our own is queued behind all that happened before it.
      await this.#asking((_ask, socket) => this.#mark(socket, noopMessage(sequence)));
      const late = await Promise.race([promise, this.#clock.sleep(CAUGHT_UP_LIMIT_MS, passed.signal)]);
      if (late) throw new TableError('events of connections come faster than they can be read');
    } finally {
      this.#marks.delete(sequence);
      passed.abort();
    }
  }

  async remove(addresses: readonly AddressKey[], isInTime: (address: AddressKey) => boolean): Promise<void> {
    const wanted = new Set(addresses);
    const found: KernelEntry[] = [];
    const sink: DumpSink = { concerns: (address) => wanted.has(address), entry: (entry) => found.push(entry) };
    await this.#asking(async (ask) => {
      await this.#dump(ask, sink, { entries: 0, interrupted: false });
      for (const [index, entry] of found.entries()) {
        if (index % REMOVALS_AT_ONCE === REMOVALS_AT_ONCE - 1) await this.#clock.turn();
        if (!isInTime(entry.guest)) continue;
        await ask(deleteRequest(entry, this.#next()), NOTHING, () => undefined, NOT_THERE);
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#listening;
    this.#events.close();
  }

  async #dump(ask: Ask, sink: DumpSink, dumped: { entries: number; interrupted: boolean }): Promise<void> {
    await ask(dumpRequest(this.#next()), sink, (read) => {
      dumped.entries += read.messages;
      this.#listener.garbage(read.garbage);
      // What cannot be read of a dump may be a connection that must not be overlooked.
      dumped.interrupted ||= read.interrupted || read.garbage > 0;
    });
  }

  /** After an overrun the kernel takes nothing for the socket of events until all that is queued there has been read. */
  async #mark(socket: NetlinkSocket, message: Buffer): Promise<void> {
    const end = this.#clock.monotonic() + CAUGHT_UP_LIMIT_MS;
    for (;;) {
      try {
        socket.send(message, this.#events.port);
        return;
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN' || this.#clock.monotonic() > end) throw error;
      }
      await this.#clock.turn();
    }
  }

  #next(): number {
    this.#sequence = (this.#sequence % SEQUENCE_MAX) + 1;
    return this.#sequence;
  }

  /** With a socket of its own, so that no answer is met by what is left of an earlier one. */
  async #asking(work: (ask: Ask, socket: NetlinkSocket) => Promise<void>): Promise<void> {
    const into = Buffer.alloc(READ_BUFFER_BYTES);
    try {
      const socket = this.#sockets.forRequests();
      const ask: Ask = (message, sink, read, tolerated) => this.#ask({ socket, into, message, sink, read, tolerated });
      await work(ask, socket).finally(() => socket.close());
    } catch (error) {
      throw asTableError(error);
    }
  }

  async #ask({ socket, into, message, sink, read, tolerated = 0 }: Asked): Promise<void> {
    let ended: number | null = null;
    const whole: NetlinkSink = {
      ...sink,
      ended: (errno) => {
        ended = errno;
      },
      noop: () => undefined,
    };
    const begun = this.#clock.monotonic();
    socket.send(message);
    for (let parts = 1; ended === null; parts += 1) {
      const length = socket.take(into);
      if (length > 0) {
        read(readMessages(into, length, whole));
      } else if (this.#clock.monotonic() - begun > ANSWER_LIMIT_MS) {
        throw new TableError('the kernel did not answer when asked for connections');
      }
      if (ended === null && (length === 0 || parts % DUMP_PARTS_AT_ONCE === 0)) await this.#clock.turn();
    }
    if (ended !== 0 && ended !== tolerated) throw new KernelRefusal('connection tracking', ended);
  }

  async #listen(): Promise<void> {
    const into = Buffer.alloc(READ_BUFFER_BYTES);
    while (!this.#closed) {
      try {
        this.#hear(into, await this.#events.wait(into));
        for (let taken = 1; taken < TAKEN_AT_ONCE_MAX; taken += 1) {
          const length = this.#events.take(into);
          if (length === 0) break;
          this.#hear(into, length);
        }
      } catch (error) {
        if (codeOf(error) !== 'ENOBUFS') {
          this.#listener.broken(asTableError(error));
          return;
        }
        this.#listener.overrun();
      }
      this.#listener.drained();
      await this.#clock.turn();
    }
  }

  #hear(bytes: Buffer, length: number): void {
    if (length === 0) return;
    const listener = this.#listener;
    const { messages, garbage } = readMessages(bytes, length, {
      concerns: (address) => listener.concerns(address),
      entry: (entry, change) => listener.event(entry, change),
      // Nothing is asked on this socket, so that nothing on it ends.
      ended: () => undefined,
      noop: (sequence) => this.#marks.get(sequence)?.(),
    });
    listener.seen(messages);
    listener.garbage(garbage);
  }
}
