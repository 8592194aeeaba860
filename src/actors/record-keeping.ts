import { CHART_VERSION } from '../../machines/chart.ts';
import type { Definition } from '../../machines/definition.ts';
import { type InstanceRecord, SYSTEM_CAUSE } from '../../machines/record.ts';
import type { CommandDesk } from './command-desk.ts';
import type { Log, LogEntry, Position } from './contracts/log.ts';
import type { HostLedger } from './host-ledger.ts';
import type { HostLife } from './host-life.ts';
import type { InstanceActor } from './instance-actor.ts';
import { recallRestarts } from './recall-restarts.ts';
import type { Head } from './records.ts';
import { dueTimersOf } from './recovery.ts';
import type { Loaded, Residents } from './residents.ts';
import type { Published, SupervisorOptions } from './supervisor.ts';
import type { DueTimer } from './timer-heap.ts';
import { asQuarantined } from './unreadable.ts';

/** Its last record is one of an older chart, or it has not heard of the host's present mode. */
export type Behind = Pick<Loaded, 'actor' | 'writtenBy'>;

/** What the heads of a log call for. */
export interface Heads {
  /** What is found of them in the world has to be told to them. */
  readonly waiting: readonly InstanceActor[];
  readonly behind: readonly Behind[];
  /** Of the others. */
  readonly timers: readonly DueTimer[];
  /** Those at rest that a schedule may wake. */
  readonly scheduled: readonly InstanceActor[];
}

export interface RecordKeepingOptions {
  readonly log: Log;
  readonly ledger: HostLedger;
  readonly life: HostLife;
  readonly desk: CommandDesk;
  readonly residents: Residents;
  readonly onRecord?: SupervisorOptions['onRecord'];
  readonly report: (instance: string | null, message: string, error?: unknown) => void;
}

/** What follows inside the runtime from every durable record: what the host has given out, which command ids are known. */
export class RecordKeeping {
  readonly #options: RecordKeepingOptions;

  constructor(options: RecordKeepingOptions) {
    this.#options = options;
  }

  /** Reads every head and does nothing about any. */
  async readHeads(): Promise<Heads> {
    const { log, life, residents } = this.#options;
    const waiting: InstanceActor[] = [];
    const behind: Behind[] = [];
    const timers: DueTimer[] = [];
    const scheduled: InstanceActor[] = [];
    for await (const loaded of residents.restoreAll((...unreadable) => this.#setAside(...unreadable))) {
      const { actor, writtenBy } = loaded;
      await recallRestarts(log, life, actor.head);
      if (!this.#noteHead(loaded)) continue;
      const { snapshot } = actor.head;
      const atRest = snapshot.hasTag('at_rest') && !snapshot.hasTag('waits');
      const isBehind = this.#isBehind(loaded);
      if (!atRest || isBehind) residents.keep(actor);
      if (isBehind) behind.push({ actor, writtenBy });
      if (atRest && snapshot.context.definition?.schedules) scheduled.push(actor);
      if (atRest) timers.push(...dueTimersOf(actor));
      else waiting.push(actor);
    }
    return { waiting, behind, timers, scheduled };
  }

  /** A head that was read back at the start. False when its instance is gone and needs nothing more. */
  #noteHead({ entry, actor, record, definition }: Loaded): boolean {
    const { life, residents } = this.#options;
    this.#show({ record, definition, position: entry.position, live: false });
    if (actor.head.snapshot.matches({ lifecycle: 'deleted' })) return false;
    residents.known.add(actor.id);
    life.note(actor.id, actor.head.snapshot);
    this.#reserveAgain(actor.id, definition);
    return true;
  }

  #isBehind({ actor, writtenBy }: Behind): boolean {
    return writtenBy < CHART_VERSION || actor.head.snapshot.context.host.mode !== this.#options.life.mode;
  }

  /** Before anything else happens to it. Resolves when its timers are armed again; empty when they need not be. */
  bringUpToDate({ actor, writtenBy }: Behind): Promise<void>[] {
    const upgrade = { type: 'chart.upgraded', from: writtenBy, to: CHART_VERSION } as const;
    const upgraded = (): Promise<void> =>
      new Promise((resolve) => actor.deliver(upgrade, SYSTEM_CAUSE, 'result', resolve));
    const upgrades = writtenBy < CHART_VERSION ? [upgraded()] : [];
    this.#options.life.tell(actor.id, actor.head.snapshot);
    return upgrades;
  }

  publish(record: InstanceRecord, { snapshot }: Head, position: Position): void {
    const { desk, ledger, life, residents } = this.#options;
    const { definition } = snapshot.context;
    life.note(record.stream, snapshot, record.facts);
    if (definition === null) return;
    desk.remember(record);
    if (record.facts.some((fact) => fact.type === 'instance.deleted')) {
      ledger.release(record.stream, definition);
      life.forget(record.stream);
      residents.known.delete(record.stream);
      residents.forget(record.stream);
    }
    // Whatever is known by then of the answer to whoever asked for it.
    if (record.version === 1) life.tell(record.stream, snapshot);
    this.#show({ record, definition, position, live: true });
  }

  /**
   * One instance that cannot be gone on from stops no other: it is shown as quarantined, its VM untouched. Whether that
   * runs is not known, so it keeps all that it may be using.
   */
  #setAside(entry: LogEntry, error: unknown, definition: Definition | null): void {
    const { life, report, residents } = this.#options;
    report(entry.stream, 'The last record cannot be gone on from.', error);
    residents.known.add(entry.stream);
    if (definition === null) {
      report(entry.stream, 'The log does not tell what this instance holds of the host.');
      return;
    }
    this.#reserveAgain(entry.stream, definition);
    life.noteSetAside(entry.stream, definition);
    const record = asQuarantined(entry.bytes, error);
    if (record === null) return;
    this.#show({ record, definition, position: entry.position, live: false, setAside: true });
  }

  /** What an older record holds is held, even where two of them clash: both instances go on. */
  #reserveAgain(id: string, definition: Definition): void {
    try {
      this.#options.ledger.reserve(id, definition);
    } catch (error) {
      this.#options.report(id, 'What this instance holds is held by another one too.', error);
    }
  }

  /** What is durable counts, whatever its readers make of it. */
  #show(published: Published): void {
    try {
      this.#options.onRecord?.(published);
    } catch (error) {
      this.#options.report(published.record.stream, 'A record could not be shown.', error);
    }
  }
}
