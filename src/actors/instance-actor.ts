import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
import { replacesAnother } from '../../machines/former-guest.ts';
import { type Cause, effectId, type InstanceRecord, SYSTEM_CAUSE } from '../../machines/record.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import { commandRefusal } from './command-refusal.ts';
import type { Clock, Random } from './contracts/clock.ts';
import type { EffectControl } from './contracts/hypervisor.ts';
import type { Log, LogEntry, Position, Token } from './contracts/log.ts';
import { LogUnavailableError } from './contracts/log-error.ts';
import type { Telemetry } from './contracts/telemetry.ts';
import { admit, type Decided, decide } from './decide.ts';
import { APPEND_RETRY_MS, type Appended, type AppendWorld, appendDurably } from './durable-append.ts';
import type { EffectTask, ResultEvent } from './effect-operations.ts';
import { EffectQueue } from './effect-queue.ts';
import { StatevisorError, shuttingDown } from './errors.ts';
import type { FaultInjector } from './fault-points.ts';
import { type Accepted, answerOnce, type Letter, Mailbox } from './mailbox.ts';
import { type Head, headAfter, isRestatementDue, nextRecord } from './records.ts';
import type { DueTimer } from './timer-heap.ts';

/**
 * One instance at work: takes one letter at a time, lets the chart decide, appends the record, and only then moves
 * its state, answers, arms timers and starts effects. There are no locks: whatever happens to an instance passes
 * through its mailbox.
 */

export interface ActorWorld {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: FaultInjector | undefined;
  readonly telemetry: Telemetry | undefined;
  readonly perform: (task: EffectTask, control: EffectControl) => Promise<ResultEvent>;
  readonly armTimer: (timer: DueTimer) => void;
  /** Hears of every durable record, before the command behind it is answered. */
  readonly publish: (record: InstanceRecord, head: Head, position: Position) => void;
  /** Keeps the room that an accepted command, or the minute of a schedule, needs until `release` is called; throws when the host has none. */
  readonly reserve: (id: string, before: ChartSnapshot, decided: Decided) => () => void;
  /** The result of an effect has been dealt with: it is recorded, or it came too late to mean anything. */
  readonly onResult: (id: string, event: ResultEvent) => void;
  /** What an actor goes on from when its stream has another last entry than it knows. */
  readonly readBack: (entry: LogEntry) => Promise<{ readonly record: InstanceRecord; readonly head: Head }>;
  readonly lookAgain: (actor: InstanceActor) => void;
  readonly onIdle: (actor: InstanceActor) => void;
  readonly report: (problem: { instance: string; message: string; error?: unknown }) => void;
  readonly closing: () => boolean;
}

export class InstanceActor {
  readonly #world: ActorWorld;
  #head: Head;
  #token: Token | null;
  readonly #mailbox = new Mailbox();
  readonly #effects: EffectQueue;
  #busy = false;
  /** Another owner has appended to this stream: nothing more is done here. */
  #steppedDown = false;

  constructor(world: ActorWorld, head: Head, token: Token | null) {
    this.#world = world;
    this.#head = head;
    this.#token = token;
    this.#effects = new EffectQueue({
      clock: world.clock,
      perform: world.perform,
      faults: world.faults,
      telemetry: world.telemetry,
      mayAct: () => !this.#steppedDown && !world.closing(),
      discard: (event) => world.onResult(head.stream, event),
      deliver: (event, { id }) => {
        const settled = (): void => world.onResult(head.stream, event);
        this.deliver(event, { ...SYSTEM_CAUSE, causation: id }, 'result', settled);
      },
    });
  }

  get id(): string {
    return this.#head.stream;
  }

  get head(): Head {
    return this.#head;
  }

  get token(): Token | null {
    return this.#token;
  }

  get depth(): number {
    return this.#mailbox.size;
  }

  get idle(): boolean {
    return !this.#busy && this.#mailbox.size === 0 && this.#effects.idle;
  }

  get working(): boolean {
    return this.#busy || this.#mailbox.size > 0;
  }

  /** Resolves with the command's record once that is durable; rejects when it is refused. */
  command(event: Unstamped<ExternalEvent>, cause: Cause): Promise<Accepted> {
    return new Promise((accept, refuse) => {
      const put = this.#mailbox.put({ class: 'command', event, cause, answer: answerOnce(accept, refuse) });
      if (!put) return refuse(new StatevisorError('busy', 'Too many commands are waiting for this instance.'));
      this.#kick();
    });
  }

  /** `settled` is called once, when the letter has been dealt with, whatever came of it. */
  deliver(event: Unstamped<ExternalEvent>, cause: Cause, letterClass: Letter['class'], settled?: () => void): void {
    this.#mailbox.put({ class: letterClass, event, cause, answer: null, ...(settled && { settled }) });
    this.#kick();
  }

  /** Resolves when it is done; no effect of the instance is under way meanwhile. */
  readonly betweenEffects: EffectQueue['between'] = (act) => this.#effects.between(act);

  isPending(timer: DueTimer): boolean {
    return this.#head.timers.some((pending) => pending.name === timer.name && pending.armed === timer.armed);
  }

  /** Refuses what is still waiting, at the end of the process. */
  close(): void {
    for (const letter of this.#mailbox.drain()) {
      letter.answer?.refuse(shuttingDown());
      letter.settled?.();
    }
  }

  #kick(): void {
    if (this.#busy) return;
    this.#busy = true;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    for (let letter = this.#mailbox.take(); letter !== undefined; letter = this.#mailbox.take()) {
      await this.#open(letter);
      letter.settled?.();
    }
    this.#busy = false;
    this.#world.onIdle(this);
  }

  async #open(letter: Letter): Promise<void> {
    if (this.#world.closing()) {
      letter.answer?.refuse(shuttingDown());
      return;
    }
    try {
      await this.#handle(letter);
    } catch (error) {
      letter.answer?.refuse(error);
      if (!(error instanceof StatevisorError)) {
        this.#world.report({ instance: this.id, message: 'A letter could not be dealt with.', error });
      }
    }
  }

  async #handle(letter: Letter): Promise<void> {
    let dealtWith = await this.#attempt(letter);
    while (!dealtWith) dealtWith = await this.#attempt(letter);
  }

  /** False when the log could not take the record now: the event is decided anew, with the time it has become. */
  async #attempt(letter: Letter): Promise<boolean> {
    if (this.#steppedDown) throw new StatevisorError('not_owner', 'Another daemon owns this instance now.');
    if (letter.class === 'timer' && !this.#isStillPending(letter.event)) return true;
    if (letter.class === 'result' && this.#effects.isOutdated(letter.event, letter.cause.causation)) return true;
    const event = { ...letter.event, at: Math.max(this.#world.clock.now(), this.#head.at) } as ExternalEvent;
    const decided = this.#decide(event);
    if (!decided.result.accepted) {
      this.#ignore(letter, decided.event);
      return true;
    }
    const reserve = (wanted: Decided): (() => void) => this.#world.reserve(this.id, this.#head.snapshot, wanted);
    const admitted = admit(decided, letter.class === 'command', reserve, (other) => this.#decide(other));
    try {
      return await this.#commit(letter, admitted.decided);
    } finally {
      admitted.release();
    }
  }

  /** Durable first; only then does the state move, and only then is anything done. */
  async #commit(letter: Letter, decided: Decided): Promise<boolean> {
    const record = nextRecord(this.#head, decided.result, {
      id: this.#world.random.id(),
      event: decided.event,
      cause: letter.cause,
      restate: isRestatementDue(this.#head, decided.result),
    });
    const { faults } = this.#world;
    const moment = { instance: this.id, subject: record.event.type };
    if (faults !== undefined) await faults('decided', moment);
    const appended = await this.#append(record, letter);
    if (appended.kind === 'later') return false;
    if (appended.kind === 'held_back') {
      if (letter.class === 'timer') this.#offerAgain(letter);
      return true;
    }
    if (faults !== undefined) await faults(letter.class === 'result' ? 'result_appended' : 'appended', moment);
    this.#head = headAfter(record, decided.result.next);
    this.#withdrawEffects(record);
    for (const timer of record.timers.armed) {
      this.#world.armTimer({ instance: this.id, name: timer.name, due: timer.due, armed: record.version });
    }
    this.#world.publish(record, this.#head, appended.position);
    if (faults !== undefined) await faults('published', moment);
    letter.answer?.accept({ record, position: appended.position });
    if (faults !== undefined) await faults('acknowledged', moment);
    this.#startEffects(record);
    return true;
  }

  #isStillPending(event: Unstamped<ExternalEvent>): boolean {
    return this.#head.timers.some(
      (pending) => pending.name === event.type && 'armed' in event && pending.armed === event.armed,
    );
  }

  #decide(event: ExternalEvent): Decided {
    const { report } = this.#world;
    return decide(this.#head, event, (message, error) => report({ instance: this.id, message, error }));
  }

  /** Nothing is recorded: an observation that means nothing is dropped, a command is refused by name of the state. */
  #ignore(letter: Letter, event: ExternalEvent): void {
    if (letter.class === 'command') throw commandRefusal(this.#head.snapshot, event);
  }

  async #append(record: InstanceRecord, letter: Letter): Promise<Appended> {
    const { clock, report } = this.#world;
    const world: AppendWorld = {
      ...this.#world,
      report: (message, error) => report({ instance: this.id, message, error }),
      refuseWaiting: (error) => {
        for (const waiting of this.#mailbox.takeCommands()) waiting.answer?.refuse(error);
      },
    };
    try {
      const appended = await appendDurably(world, this.#token, record, letter);
      if (appended.kind === 'appended') this.#token = appended.token;
      if (appended.kind === 'later' && appended.head !== undefined) await this.#goOnFrom(appended.head);
      return appended;
    } catch (error) {
      if (error instanceof LogUnavailableError && (await clock.sleep(APPEND_RETRY_MS))) return { kind: 'later' };
      this.#steppedDown ||= error instanceof StatevisorError && error.code === 'not_owner';
      throw error;
    }
  }

  /** What a former owner of the log had sent has landed late: it counts, and reality is looked at as after a start. */
  async #goOnFrom(entry: LogEntry): Promise<void> {
    const { record, head } = await this.#world.readBack(entry);
    [this.#head, this.#token] = [head, entry.token];
    this.#withdrawEffects(record);
    this.#world.publish(record, head, entry.position);
    this.#world.lookAgain(this);
  }

  /** The timer stays pending in the record; it is offered again, so a full log only delays it. */
  #offerAgain({ event }: Letter): void {
    const name = event.type as DueTimer['name'];
    const pending = this.#head.timers.find((timer) => timer.name === name);
    if (pending !== undefined) {
      const due = this.#world.clock.now() + APPEND_RETRY_MS;
      this.#world.armTimer({ instance: this.id, name, due, armed: pending.armed });
    }
  }

  /** What a durable record withdraws is withdrawn before anybody hears of the record. */
  #withdrawEffects(record: InstanceRecord): void {
    for (const effect of record.effects) if (effect.kind === 'effect.withdraw') this.#effects.withdraw(effect.run);
  }

  #startEffects(record: InstanceRecord): void {
    const { context } = this.#head.snapshot;
    const { definition } = context;
    if (definition === null) return;
    record.effects.forEach((effect, index) => {
      if (effect.kind === 'effect.withdraw') return;
      const task = { id: effectId(record, index), instance: this.id, effect, definition };
      this.#effects.add(effect.kind === 'vmm.restore' ? { ...task, replacesAnother: replacesAnother(context) } : task);
    });
  }
}
