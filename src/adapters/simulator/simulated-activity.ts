import type { ActivityReading, ActivitySource, ObserverStatus } from '../../actors/contracts/activity.ts';
import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';
import { within } from './operation.ts';
import { TableMirror, type Watched } from './table-mirror.ts';
import { TABLE_PAGE_MAX, type WorldEntry, type WorldTableEvent } from './table-wire.ts';
import type { World } from './world.ts';
import { directPort, type WorldPort } from './world-port.ts';

/** How often the events of a world in another process are read. */
const LOOK_DEFAULT_MS = 1_000;
/** How long a dump may take in all. */
const DUMP_LIMIT_MS = 5_000;
/** How soon the table is read again after a loss when that could not be done at once. */
const RESYNC_PAUSE_MS = 2_000;
/** How often the table is read although nothing was missed: events may be lost without a word. */
const RECHECK_MS = 300_000;

export interface SimulatedActivityOptions {
  readonly world: World;
  readonly clock: Clock;
  readonly ignoredSources?: readonly string[];
}

/** The connections of simulated guests, from the table of a world in this process. */
export function createSimulatedActivity({ world, clock, ignoredSources }: SimulatedActivityOptions): ActivitySource {
  return simulatedActivityOver(directPort(world), clock, { ignoredSources });
}

/** The same over any way to a world. */
export function simulatedActivityOver(
  port: WorldPort,
  clock: Clock,
  {
    lookMs = LOOK_DEFAULT_MS,
    ignoredSources = [],
  }: { lookMs?: number; ignoredSources?: readonly string[] | undefined } = {},
): ActivitySource {
  return new SimulatedActivity(port, clock, lookMs, ignoredSources);
}

interface Dumped {
  readonly entries: readonly WorldEntry[];
  readonly blind: readonly string[];
}

class SimulatedActivity implements ActivitySource {
  readonly #port: WorldPort;
  readonly #clock: Clock;
  readonly #lookMs: number;
  readonly #ignoredSources: readonly string[];
  readonly #mirror = new TableMirror();
  readonly #counts = { events: 0, losses: 0, garbage: 0, resyncs: 0, dumps: 0 };
  #lastDump: { readonly ms: number; readonly at: number } | null = null;
  /** Why nothing is known; null while events are in order. */
  #lost: string | null = null;
  #cursor: number | null = null;
  /** Events since the dump under way began; null when none is. */
  #heard: WorldTableEvent[] | null = null;
  #draining: Promise<void> = Promise.resolve();
  /** The dump under way, and the one that begins after it for those who asked meanwhile. */
  #dump: Promise<string | null> | null = null;
  #nextDump: Promise<string | null> | null = null;
  #timers = new Set<CancelTimer>();
  #begun = false;
  #closed = false;

  constructor(port: WorldPort, clock: Clock, lookMs: number, ignoredSources: readonly string[]) {
    this.#port = port;
    this.#clock = clock;
    this.#lookMs = lookMs;
    this.#ignoredSources = ignoredSources;
  }

  watch: ActivitySource['watch'] = (guest, tell) => {
    this.#begin();
    const watched = this.#mirror.add(guest, tell, this.#ignoredSources);
    void this.#readTable().then((error) => {
      if (error !== null) this.#lose(error);
    });
    return () => this.#mirror.delete(watched);
  };

  confirm: ActivitySource['confirm'] = async (guest) => {
    this.#begin();
    const watched = this.#mirror.add(guest, () => {}, this.#ignoredSources);
    const losses = this.#counts.losses;
    const error = await this.#readTable();
    this.#mirror.delete(watched);
    if (error !== null) return { observer: 'lost', error };
    // What was missed while the table was read may be what mattered.
    if (this.#lost !== null && this.#counts.losses !== losses) return { observer: 'lost', error: this.#lost };
    return this.#mirror.readingOf(watched) ?? { observer: 'lost', error: 'the simulated table was not read' };
  };

  connectionsOf: ActivitySource['connectionsOf'] = (instance) =>
    this.#lost === null ? this.#mirror.viewOf(instance) : undefined;

  status = (): ObserverStatus => ({
    mode: 'simulated',
    state: this.#lost === null ? 'in_order' : 'lost',
    error: this.#lost,
    entries: this.#mirror.size,
    ...this.#counts,
    last_dump_ms: this.#lastDump?.ms ?? null,
    last_dump_at: this.#lastDump?.at ?? null,
  });

  forget: ActivitySource['forget'] = async (addresses, before) => {
    if (this.#clock.now() >= before) throw new Error('entries were not removed in time');
    if (addresses.length > 0) await this.#port.call({ op: 'forget', to: [...addresses] });
  };

  close = async (): Promise<void> => {
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
    for (const watched of this.#mirror.all()) this.#mirror.delete(watched);
    await this.#port.close();
  };

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    if (this.#port.observeTable === undefined) this.#every(this.#lookMs, () => void this.#drain());
    else this.#port.observeTable(() => void this.#drain());
    this.#every(RECHECK_MS, () => {
      if (this.#lost === null && this.#mirror.all().size > 0) void this.#readTable();
    });
  }

  /** Reads the events that have come, those of several calls in order. */
  #drain(): Promise<void> {
    this.#draining = this.#draining
      .then(() => this.#readEvents())
      .catch((error: unknown) => this.#lose(error instanceof Error ? error.message : String(error)));
    return this.#draining;
  }

  async #readEvents(): Promise<void> {
    for (let more = true; more && !this.#closed; ) {
      const answer = await this.#port.call({ op: 'table_events', after: this.#cursor });
      if (answer.answer !== 'table_events') throw new Error('the simulated world did not answer');
      this.#cursor = answer.last;
      if (answer.overrun) this.#lose('events of connections were lost: the simulated buffer was full');
      for (const event of answer.events) {
        this.#counts.events += 1;
        if (event.event === 'garbage') this.#counts.garbage += 1;
        this.#heard?.push(event);
        this.#tell(this.#mirror.apply(event));
      }
      more = answer.events.length === TABLE_PAGE_MAX;
    }
  }

  /** A dump that begins after this call. Null when the mirror is what the table was and what was heard since. */
  #readTable(): Promise<string | null> {
    if (this.#nextDump !== null) return this.#nextDump;
    if (this.#dump === null) return this.#beginDump();
    this.#nextDump = this.#dump.then(() => this.#beginDump());
    return this.#nextDump;
  }

  #beginDump(): Promise<string | null> {
    this.#nextDump = null;
    const dump = this.#dumpNow().finally(() => {
      if (this.#dump === dump) this.#dump = null;
    });
    this.#dump = dump;
    return dump;
  }

  async #dumpNow(): Promise<string | null> {
    await this.#drain();
    const startedAt = this.#clock.monotonic();
    const at = this.#clock.now();
    const losses = this.#counts.losses;
    this.#heard = [];
    this.#counts.dumps += 1;
    const dumped = await within(this.#clock, this.#pages(), DUMP_LIMIT_MS);
    const heard = this.#heard;
    this.#heard = null;
    if (dumped.kind !== 'answer') return dumped.kind === 'lost' ? dumped.message : 'the simulated table did not answer';
    if (typeof dumped.value === 'string') return dumped.value;
    const differed = this.#mirror.replace(dumped.value.entries, dumped.value.blind, heard, at);
    const isFirst = this.#lastDump === null;
    this.#lastDump = { ms: this.#clock.monotonic() - startedAt, at };
    if (this.#counts.losses !== losses) this.#mirror.forget();
    else if (this.#lost !== null) this.#lost = null;
    else if (differed && !isFirst) this.#counts.losses += 1;
    this.#tell(this.#mirror.all());
    return null;
  }

  async #pages(): Promise<Dumped | string> {
    const entries: WorldEntry[] = [];
    const blind: string[] = [];
    for (let after: number | null = null; ; ) {
      const answer = await this.#port.call({ op: 'dump', after });
      if (answer.answer === 'failed') return answer.message;
      if (answer.answer !== 'dump') return 'the simulated world answered something else';
      entries.push(...answer.entries);
      if (after === null) blind.push(...answer.blind);
      if (answer.delay_ms !== 0) await this.#clock.sleep(answer.delay_ms ?? 2 * DUMP_LIMIT_MS);
      if (!answer.more) return { entries, blind };
      after = answer.entries.at(-1)!.number;
    }
  }

  /** Says so at once, and reads the table until that has been done after the loss. */
  #lose(error: string): void {
    if (this.#closed) return;
    this.#counts.losses += 1;
    const before = this.#lost;
    this.#lost = error;
    this.#mirror.forget();
    this.#tell(this.#mirror.all());
    if (before === null) void this.#resync();
  }

  async #resync(): Promise<void> {
    for (;;) {
      this.#counts.resyncs += 1;
      await this.#readTable();
      if (this.#lost === null || this.#closed) break;
      await new Promise<void>((resolve) => this.#later(RESYNC_PAUSE_MS, resolve));
    }
  }

  #tell(some: Iterable<Watched>): void {
    for (const watched of [...some]) {
      const reading: ActivityReading | null =
        this.#lost === null ? this.#mirror.readingOf(watched) : { observer: 'lost', error: this.#lost };
      if (reading === null || this.#closed || !this.#mirror.has(watched)) continue;
      const text = JSON.stringify(reading);
      if (text === watched.told) continue;
      watched.told = text;
      watched.tell(reading);
    }
  }

  #later(ms: number, callback: () => void): void {
    const cancel = this.#clock.after(ms, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }

  #every(ms: number, callback: () => void): void {
    if (!Number.isFinite(ms)) return;
    this.#later(ms, () => {
      callback();
      if (!this.#closed) this.#every(ms, callback);
    });
  }
}
