import type { HostMode } from '../../machines/events.ts';
import { type InstanceRecord, SYSTEM_CAUSE } from '../../machines/record.ts';
import { CommandDesk, causeOf } from './command-desk.ts';
import type { ActivityView } from './contracts/activity.ts';
import type { Observation } from './contracts/hypervisor.ts';
import type { ProbeReadings } from './contracts/probe-readings.ts';
import { APPEND_RETRY_MS } from './durable-append.ts';
import { type AdmissionQuestion, perform } from './effect-operations.ts';
import { StatevisorError, shuttingDown } from './errors.ts';
import { HostLedger, resolveId } from './host-ledger.ts';
import { type CapacityView, type HostChange, HostLife } from './host-life.ts';
import { HostStream } from './host-stream.ts';
import type { ActorWorld, InstanceActor } from './instance-actor.ts';
import type { Accepted } from './mailbox.ts';
import { undoUnlessRecorded } from './outcome-unknown.ts';
import { RecordKeeping } from './record-keeping.ts';
import { readRecords } from './records.ts';
import { type RecoveryOptions, recover, recoverOne } from './recovery.ts';
import { RESTING_MAX, Residents } from './residents.ts';
import { sweepSnapshots } from './snapshot-sweep.ts';
import { StandingWork } from './standing-work.ts';
import type {
  Acceptance,
  CommandMeta,
  InstanceCommand,
  Supervisor,
  SupervisorOptions,
  SupervisorStatus,
} from './supervisor.ts';
import { type DueTimer, TimerHeap } from './timer-heap.ts';

/** How long `close` waits for letters under way. */
export const CLOSE_WAIT_MAX_MS = 5_000;
const QUIET_TURNS_MAX = 100_000;

/** Starts the runtime over a log: loads heads, tells instances what became of their VMs, then takes commands. */
export async function createSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const supervisor = new RunningSupervisor(options);
  await supervisor.start();
  return supervisor;
}

class RunningSupervisor implements Supervisor {
  readonly #options: SupervisorOptions;
  readonly #ledger: HostLedger;
  readonly #heap: TimerHeap;
  readonly #host: HostStream;
  readonly #life: HostLife;
  readonly #residents: Residents;
  readonly #desk: CommandDesk;
  readonly #keeping: RecordKeeping;
  readonly #standing: StandingWork;
  #recovered: Promise<void> = Promise.resolve();
  /** Instances that have still to deal with what is found of them at the start: what runs of them is not known. */
  readonly #unseen = new Set<string>();
  #closing = false;
  #stopObserving = (): void => {};

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { clock, log, random } = options;
    this.#desk = new CommandDesk(log, clock);
    this.#host = new HostStream({ log, clock, random, desk: this.#desk, onMode: () => this.#life.modeFound() });
    this.#ledger = new HostLedger(options.ports, options.addresses, options.busyPorts);
    this.#life = new HostLife({
      ...options,
      stream: this.#host,
      isSeen: (id) => !this.#unseen.has(id),
      deliver: (id, event, settled) => void this.#deliver(id, event, 'observation', settled),
    });
    const actorOf = (id: string): InstanceActor | undefined => this.#residents.resident(id);
    const deliver: Supervisor['observe'] = (id, reading) => this.observe(id, reading);
    const { snapshotDue } = this.#life;
    this.#standing = new StandingWork({ ...options, actorOf, deliver, snapshotDue });
    this.#heap = new TimerHeap({
      clock,
      lookMs: options.clockLookMs,
      fire: (timer) => void this.#fire(timer),
      isPending: (timer) => this.#residents.resident(timer.instance)?.isPending(timer) ?? this.has(timer.instance),
      onClockStep: (byMs) => this.#noteClockStep(byMs),
    });
    this.#residents = new Residents({
      log,
      world: this.#world(),
      restingMax: options.restingMax ?? RESTING_MAX,
      onLoaded: ({ id, head }) => this.#life.tell(id, head.snapshot),
    });
    this.#keeping = new RecordKeeping({
      ...options,
      ledger: this.#ledger,
      life: this.#life,
      desk: this.#desk,
      residents: this.#residents,
      report: (instance, message, error) => this.#report(instance, message, error),
    });
  }

  async start(): Promise<void> {
    await this.#host.load();
    const { waiting, behind, timers, scheduled } = await this.#keeping.readHeads();
    // Nothing is done before every head was read: a later one may forbid it all, and room is given out over all of them.
    for (const { id } of waiting) this.#unseen.add(id);
    this.#stopObserving = this.#options.hypervisor.observe((observation) => this.#onObservation(observation));
    const upgrades = behind.flatMap((one) => this.#keeping.bringUpToDate(one));
    for (const timer of timers) this.#heap.add(timer);
    this.#life.open();
    for (const { id, head } of scheduled) this.#standing.derive(id, head.snapshot);
    this.#desk.readBack().catch((error) => this.#report(null, 'Command ids could not be read back.', error));
    const told = () => recover(waiting, this.#recovery());
    // Timers are told apart by the record that armed them, and an upgrade arms them anew.
    this.#recovered = upgrades.length === 0 ? told() : Promise.all(upgrades).then(told);
    void this.#recovered.then(() =>
      sweepSnapshots(waiting, { ...this.#options, ...this.#world(), residents: this.#residents }),
    );
    await this.#options.faults?.('recovered', { instance: '', subject: 'start' });
  }

  async create(...[definition, wanted, meta, from]: Parameters<Supervisor['create']>): Promise<Acceptance> {
    return this.#once(meta, async () => {
      const id = this.#options.random.id();
      const reserved = this.#ledger.reserve(id, definition);
      const actor = this.#residents.begin(id);
      this.#residents.known.add(id);
      try {
        const event = { type: 'create' as const, by: meta.actor, definition: reserved, wanted, ...(from && { from }) };
        const accepted = await actor.command(event, causeOf(meta));
        return this.#accept(actor, accepted);
      } catch (error) {
        undoUnlessRecorded(error, () => {
          this.#ledger.release(id, reserved);
          this.#residents.known.delete(id);
          this.#residents.forget(id);
        });
        throw error;
      }
    });
  }

  async command(id: string, command: InstanceCommand, meta: CommandMeta): Promise<Acceptance> {
    return this.#once(meta, async () => {
      if (!this.has(id)) throw new StatevisorError('not_found', `There is no instance ${id}.`);
      const actor = await this.#residents.load(id);
      return this.#accept(actor, await actor.command(command, causeOf(meta)));
    });
  }

  resolve(text: string): string {
    return resolveId(text, this.#residents.known, this.#ledger);
  }

  has(id: string): boolean {
    return this.#residents.known.has(id);
  }

  history(id: string, fromVersion: number, limit: number): Promise<InstanceRecord[]> {
    return readRecords(this.#options.log, id, { fromVersion, limit });
  }

  readonly look: Supervisor['look'] = (id) => this.#residents.look(id);

  setMode(mode: HostMode, meta: CommandMeta): Promise<HostChange> {
    if (this.#closing) return Promise.reject(shuttingDown());
    return this.#life.setMode(mode, meta);
  }

  mode = (): HostMode => this.#life.mode;

  capacity = (): CapacityView => this.#life.capacity();

  observe(id: string, event: Parameters<Supervisor['observe']>[1]): void {
    if (this.has(id)) void this.#deliver(id, event, 'observation');
  }

  status(): SupervisorStatus {
    return {
      instances: this.#residents.known.size,
      resident: this.#residents.size,
      timers: this.#heap.size,
      mailboxes: this.#residents.mailboxes(),
      probing: this.#standing.probing(),
      survives: this.#options.log.survives,
    };
  }

  get probeReadings(): ProbeReadings {
    return this.#standing;
  }

  activity = (): ActivityView => this.#standing;

  async quiet(): Promise<void> {
    await this.#recovered;
    for (let turns = 0; turns < QUIET_TURNS_MAX && this.#residents.working(); turns++) await this.#options.clock.turn();
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#stopObserving();
    this.#heap.close();
    this.#standing.close();
    this.#life.close();
    for (const actor of this.#residents.all()) actor.close();
    const { clock } = this.#options;
    const until = clock.monotonic() + CLOSE_WAIT_MAX_MS;
    while (this.#residents.working() && clock.monotonic() < until) await clock.turn();
  }

  #recovery(): RecoveryOptions {
    return {
      ...this.#options,
      isKnown: (id) => this.has(id),
      armTimer: (timer) => this.#heap.add(timer),
      report: ({ instance, message, error }) => this.#report(instance, message, error),
      onTold: (actor) => this.#onSeen(actor),
    };
  }

  #world(): ActorWorld {
    const { activity, addresses, clock, faults, hooks, hypervisor, network, telemetry } = this.#options;
    const admit = (question: AdmissionQuestion) => this.#life.admit(question);
    const operators = { hypervisor, activity, addresses, network, hooks, clock, telemetry, admit };
    return {
      ...this.#options,
      faults,
      telemetry,
      perform: (task, control) => perform(operators, task, control),
      armTimer: (timer) => this.#heap.add(timer),
      publish: (record, head, position) => {
        this.#keeping.publish(record, head, position);
        if (!this.#unseen.has(record.stream)) this.#standing.derive(record.stream, head.snapshot);
      },
      reserve: (id, before, decided) => this.#life.reserve(id, before, decided),
      onResult: (id, event) => this.#life.settle(id, event),
      readBack: (entry) => this.#residents.readBack(entry),
      lookAgain: (actor) => void recoverOne(actor, this.#recovery()),
      onIdle: (actor) => this.#residents.noteIdle(actor),
      report: ({ instance, message, error }) => this.#report(instance, message, error),
      closing: () => this.#closing,
    };
  }

  /** Not before what was found has been dealt with: a guest that is gone would fail its first probe. */
  #onSeen(actor: InstanceActor): void {
    this.#unseen.delete(actor.id);
    this.#standing.derive(actor.id, actor.head.snapshot);
    this.#life.seen(actor.id, actor.head.snapshot);
  }

  async #once(meta: CommandMeta, act: () => Promise<Acceptance>): Promise<Acceptance> {
    if (this.#closing) throw shuttingDown();
    return this.#desk.once(meta, act);
  }

  #accept(actor: InstanceActor, accepted: Accepted): Acceptance {
    const { definition } = actor.head.snapshot.context;
    if (definition === null) throw new Error(`Instance ${actor.id} has no definition.`);
    return { id: actor.id, ...accepted, definition, repeated: false };
  }

  /** Offered again while the log is cut off or the instance cannot be read back: nobody else remembers it before the next start. */
  async #fire({ instance, name, due, armed }: DueTimer): Promise<void> {
    await this.#options.faults?.('timer_due', { instance, subject: name });
    const { log } = this.#options;
    if (log.state().reachable && (await this.#deliver(instance, { type: name, due, armed }, 'timer'))) return;
    if (!this.has(instance)) return;
    this.#heap.add({ instance, name, due: this.#options.clock.now() + APPEND_RETRY_MS, armed });
  }

  #onObservation({ instance, ...event }: Observation): void {
    if (this.has(instance)) void this.#deliver(instance, event, 'observation');
  }

  async #deliver(
    id: string,
    event: Parameters<Supervisor['observe']>[1],
    kind: 'timer' | 'observation',
    settled?: () => void,
  ): Promise<boolean> {
    try {
      const actor = this.#residents.resident(id) ?? (await this.#residents.load(id));
      actor.deliver(event, SYSTEM_CAUSE, kind, settled);
      return true;
    } catch (error) {
      settled?.();
      this.#report(id, `An event (${event.type}) could not be delivered.`, error);
      return false;
    }
  }

  #noteClockStep(byMs: number): void {
    this.#report(null, `The wall clock was stepped by ${byMs} ms.`);
    this.#host.noteClockStep(byMs);
  }

  #report(instance: string | null, message: string, error?: unknown): void {
    this.#options.report?.({ instance, message, error });
  }
}
