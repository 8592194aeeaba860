import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../actors/contracts/clock.ts';
import { type AddressKey, textOfKey } from './addresses.ts';
import { readLine } from './entry-lines.ts';
import {
  type Dumped,
  type DumpSink,
  type KernelEntry,
  type KernelTable,
  TableError,
  type TableListener,
} from './kernel-table.ts';
import { eachLine } from './line-stream.ts';
import { isToItself, LOOPBACK_KEYS, type OwnFlow, sendToSelf } from './own-flow.ts';
import { takeLine } from './procfs-table.ts';
import { endOf, PROGRAM, startTool, ToolRuns, wordsWith } from './tool-process.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;
/** How long the tool may take until it listens, and until a flow of our own shows in what it tells. */
const LISTENING_LIMIT_MS = 5_000;
const CAUGHT_UP_LIMIT_MS = 3_000;

export interface ToolTableOptions {
  readonly clock: Clock;
  readonly listener: TableListener;
  readonly receiveBufferBytes: number;
}

/** The table through the tool `conntrack`, where the kernel cannot be spoken to from here. */
export async function openToolTable(options: ToolTableOptions): Promise<KernelTable> {
  const table = new ToolTable(options);
  try {
    await table.listening();
    return table;
  } catch (error) {
    await table.close();
    throw error;
  }
}

class ToolTable implements KernelTable {
  readonly mode = 'conntrack';
  readonly pollMs = null;
  readonly #clock: Clock;
  readonly #listener: TableListener;
  readonly #events: ChildProcess;
  readonly #runs: ToolRuns;
  readonly #listens = Promise.withResolvers<void>();
  /** Of this process, heard since it began to listen for one; empty while it does not. */
  #own: KernelEntry[] = [];
  #heardOwn: (() => void) | null = null;
  #words = '';
  #closed = false;

  constructor({ clock, listener, receiveBufferBytes }: ToolTableOptions) {
    this.#clock = clock;
    this.#listener = listener;
    const buffer = String(Math.floor(receiveBufferBytes / 2));
    this.#runs = new ToolRuns(clock);
    this.#events = startTool(['-E', '-o', 'id,timestamp', '-b', buffer, '-e', 'NEW,UPDATES,DESTROY']);
    void this.#listen();
  }

  /** It says how large its buffer became once it listens. */
  async listening(): Promise<void> {
    const there = new AbortController();
    const late = this.#clock.sleep(LISTENING_LIMIT_MS, there.signal).then((elapsed) => {
      if (elapsed) throw new TableError(`${PROGRAM} does not begin to tell of connections`);
    });
    await Promise.race([this.#listens.promise, late]).finally(() => there.abort());
  }

  async dump(sink: DumpSink): Promise<Dumped> {
    const dumped = { entries: 0, interrupted: false };
    for (const family of FAMILIES) {
      const line = (text: string): void => takeLine(text, sink, this.#listener, dumped);
      await this.#runs.run({ args: ['-L', '-f', family, '-o', 'id'], line });
    }
    return dumped;
  }

  /** A flow of our own that it tells of comes after all that it had to tell before. */
  async caughtUp(): Promise<void> {
    const heard = Promise.withResolvers<void>();
    const passed = new AbortController();
    let flow: OwnFlow | null = null;
    this.#own = [];
    this.#heardOwn = () => {
      if (flow !== null && this.#own.some(flow.isOf)) heard.resolve();
    };
    try {
      flow = await sendToSelf('IPv4');
      if (flow === null) throw new TableError('this machine cannot send to itself');
      this.#heardOwn();
      const late = this.#clock.sleep(CAUGHT_UP_LIMIT_MS, passed.signal).then((elapsed) => {
        if (elapsed) throw new TableError(`${PROGRAM} does not tell of connections`);
      });
      await Promise.race([heard.promise, late]);
    } finally {
      passed.abort();
      this.#heardOwn = null;
    }
  }

  async remove(addresses: readonly AddressKey[], isInTime: (address: AddressKey) => boolean): Promise<void> {
    for (const key of new Set(addresses)) {
      if (!isInTime(key)) continue;
      const address = textOfKey(key);
      const family = address.includes(':') ? 'ipv6' : 'ipv4';
      // It answers with 1 when there was nothing to remove.
      const harmless = /\b0 flow entries have been deleted/;
      await this.#runs.run({ args: ['-D', '-f', family, '-r', address], line: () => undefined, harmless });
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#runs.close();
    this.#events.kill('SIGKILL');
  }

  async #listen(): Promise<void> {
    const { stdout, stderr } = this.#events;
    const ended = endOf(this.#events, () => this.#words);
    void eachLine(
      stderr!,
      (line) => this.#complains(line),
      () => undefined,
    ).catch(() => undefined);
    const told = eachLine(
      stdout!,
      (line) => this.#hear(line),
      () => this.#listener.drained(),
    );
    try {
      await Promise.all([ended, told]);
      throw new TableError(`${PROGRAM} ended`);
    } catch (error) {
      const broken = error instanceof TableError ? error : new TableError(`${PROGRAM} ended`, { cause: error });
      this.#listens.reject(broken);
      if (!this.#closed) this.#listener.broken(broken);
    }
  }

  #complains(line: string): void {
    this.#words = wordsWith(this.#words, line);
    if (/buffer size has been set/i.test(line)) this.#listens.resolve();
    if (line.includes('ENOBUFS')) this.#listener.overrun();
  }

  #hear(line: string): void {
    const own = this.#heardOwn;
    const read = readLine(
      line,
      (address) => this.#listener.concerns(address) || (own !== null && LOOPBACK_KEYS.has(address)),
    );
    this.#listener.seen(1);
    if (read === 'garbage') this.#listener.garbage(1);
    if (typeof read === 'string') return;
    const { entry, change } = read;
    if (own !== null && isToItself(entry)) {
      this.#own.push(entry);
      own();
    }
    if (this.#listener.concerns(entry.guest)) this.#listener.event(entry, change);
  }
}
