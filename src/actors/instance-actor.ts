import { acceptedCommands, refusalReason } from '../../machines/accepted-commands.ts';
import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
import { type Cause, effectId, type InstanceRecord, SYSTEM_CAUSE } from '../../machines/record.ts';
import { type Step, step } from '../../machines/step.ts';
import type { Clock, Random } from './contracts/clock.ts';
import type { EffectControl } from './contracts/hypervisor.ts';
import type { AppendResult, Log, LogEntry, Position, Token } from './contracts/log.ts';
import type { EffectTask, ResultEvent } from './effect-operations.ts';
import { EffectQueue } from './effect-queue.ts';
import { StatevisorError } from './errors.ts';
import type { FaultInjector } from './fault-points.ts';
import { type Accepted, type Letter, Mailbox } from './mailbox.ts';
import { roomFor } from './record-room.ts';
import { type Head, headAfter, nextRecord } from './records.ts';
import type { DueTimer } from './timer-heap.ts';

/**
 * One instance at work: takes one letter at a time, lets the chart decide, appends the record, and only then moves
 * its state, answers, arms timers and starts effects. There are no locks: whatever happens to an instance passes
 * through its mailbox.
 */

/** How long the runtime waits before it offers a record to a log again that could not take it. */
export const APPEND_RETRY_MS = 250;

export interface ActorWorld {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: FaultInjector | undefined;
  readonly perform: (task: EffectTask, control: EffectControl) => Promise<ResultEvent>;
  readonly armTimer: (timer: DueTimer) => void;
  /** Hears of every durable record, before the command behind it is answered. */
  readonly publish: (record: InstanceRecord, head: Head, position: Position) => void;
  readonly onIdle: (actor: InstanceActor) => void;
  readonly report: (problem: { instance: string; message: string; error?: unknown }) => void;
  readonly closing: () => boolean;
}

const HELD_BACK = 'held_back' as const;

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
      mayAct: () => !this.#steppedDown && !world.closing(),
      deliver: (event, task) => this.deliver(event, { ...SYSTEM_CAUSE, causation: task.id }, 'result'),
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
      const put = this.#mailbox.put({ class: 'command', event, cause, answer: { accept, refuse } });
      if (!put) return refuse(new StatevisorError('busy', 'Too many commands are waiting for this instance.'));
      this.#kick();
    });
  }

  deliver(event: Unstamped<ExternalEvent>, cause: Cause, letterClass: Letter['class']): void {
    this.#mailbox.put({ class: letterClass, event, cause, answer: null });
    this.#kick();
  }

  isPending(timer: DueTimer): boolean {
    return this.#head.timers.some((pending) => pending.name === timer.name && pending.armed === timer.armed);
  }

  /** Refuses what is still waiting, at the end of the process. */
  close(): void {
    for (const letter of this.#mailbox.drain()) {
      letter.answer?.refuse(new StatevisorError('shutting_down', 'The daemon is shutting down.'));
    }
  }

  #kick(): void {
    if (this.#busy) return;
    this.#busy = true;
    void this.#drain();
  }

  async #drain(): Promise<void> {
    for (let letter = this.#mailbox.take(); letter !== undefined; letter = this.#mailbox.take()) {
      if (this.#world.closing()) {
        letter.answer?.refuse(new StatevisorError('shutting_down', 'The daemon is shutting down.'));
        continue;
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
    this.#busy = false;
    this.#world.onIdle(this);
  }

  async #handle(letter: Letter): Promise<void> {
    if (this.#steppedDown) throw new StatevisorError('not_owner', 'Another daemon owns this instance now.');
    const stale = letter.class === 'timer' && !this.#isStillPending(letter.event);
    if (stale) return;
    const event = { ...letter.event, at: Math.max(this.#world.clock.now(), this.#head.at) } as ExternalEvent;
    const decided = this.#decide(event);
    if (!decided.result.accepted) return this.#ignore(letter, decided.event);
    const record = nextRecord(this.#head, decided.result, {
      id: this.#world.random.id(),
      event: decided.event,
      cause: letter.cause,
    });
    const { faults } = this.#world;
    const moment = { instance: this.id, subject: record.event.type };
    if (faults !== undefined) await faults('decided', moment);
    const appended = await this.#append(record, letter);
    if (appended === HELD_BACK) return;
    if (faults !== undefined) await faults(letter.class === 'result' ? 'result_appended' : 'appended', moment);
    this.#head = headAfter(record, decided.result.next);
    this.#withdrawEffects(record);
    for (const timer of record.timers.armed) {
      this.#world.armTimer({ instance: this.id, name: timer.name, due: timer.due, armed: record.version });
    }
    this.#world.publish(record, this.#head, appended);
    if (faults !== undefined) await faults('published', moment);
    letter.answer?.accept({ record, position: appended });
    if (faults !== undefined) await faults('acknowledged', moment);
    this.#startEffects(record);
  }

  #isStillPending(event: Unstamped<ExternalEvent>): boolean {
    return this.#head.timers.some(
      (pending) => pending.name === event.type && 'armed' in event && pending.armed === event.armed,
    );
  }

  /** A rule that throws takes this one instance out of automatic care: visible, its VM untouched. */
  #decide(event: ExternalEvent): { event: ExternalEvent; result: Step } {
    try {
      return { event, result: step(this.#head.snapshot, event) };
    } catch (error) {
      this.#world.report({ instance: this.id, message: `A rule threw on ${event.type}.`, error });
      const message = error instanceof Error ? error.message : String(error);
      const quarantine = { type: 'instance.quarantined' as const, at: event.at, error: `${event.type}: ${message}` };
      return { event: quarantine, result: step(this.#head.snapshot, quarantine) };
    }
  }

  /** Nothing is recorded: an observation that means nothing is dropped, a command is refused by name of the state. */
  #ignore(letter: Letter, event: ExternalEvent): void {
    if (letter.class !== 'command') return;
    const { snapshot } = this.#head;
    if (refusalReason(snapshot, event) === 'expired') {
      throw new StatevisorError('expired', 'The expiry has been reached; it cannot be changed any more.', {
        field: 'expires_at',
      });
    }
    throw new StatevisorError('invalid_state', `${event.type} is not accepted in the present state.`, {
      details: { command: event.type, state: snapshot.value, accepts: acceptedCommands(snapshot, event.at) },
    });
  }

  async #append(record: InstanceRecord, letter: Letter): Promise<Position | typeof HELD_BACK> {
    const bytes = JSON.stringify(record);
    const room = roomFor(letter);
    for (;;) {
      const result = await this.#world.log
        .append(this.id, this.#token, bytes, room)
        .catch((error: unknown): AppendResult => ({ kind: 'unknown', message: String(error) }));
      const known = result.kind === 'unknown' ? await this.#resolveUnknown(bytes) : result;
      switch (known.kind) {
        case 'appended':
          this.#token = known.token;
          return known.position;
        case 'conflict':
          if (known.head?.bytes === bytes) {
            // A write that was given up for lost has landed after all: it is this very record.
            this.#token = known.head.token;
            return known.head.position;
          }
          this.#steppedDown = true;
          throw new StatevisorError('not_owner', 'Another daemon has appended to this instance.');
        case 'refused':
          if (letter.answer !== null) throw logError(known.reason, known.message);
          if (letter.class === 'timer') return this.#holdBack(letter);
          if (room === 'ordinary') return HELD_BACK;
          break;
        case 'unknown':
          if (letter.answer !== null) throw logError('unavailable', known.message);
          break;
      }
      if (this.#world.closing()) return HELD_BACK;
      this.#refuseWaiting(logError(known.kind === 'refused' ? known.reason : 'unavailable', known.message));
      await this.#world.clock.sleep(APPEND_RETRY_MS);
    }
  }

  /** Nobody is kept waiting behind a record that the log does not take. */
  #refuseWaiting(error: StatevisorError): void {
    for (const letter of this.#mailbox.takeCommands()) letter.answer?.refuse(error);
  }

  /** The head tells what became of an append whose answer was lost. Until it does, nothing can be decided here. */
  async #resolveUnknown(bytes: string): Promise<AppendResult> {
    const head = await this.#headForSure();
    if (head?.bytes === bytes) {
      return { kind: 'appended', token: head.token, position: head.position, version: head.version };
    }
    if ((head?.token ?? null) === this.#token) return { kind: 'unknown', message: 'not written' };
    return { kind: 'conflict', head };
  }

  async #headForSure(): Promise<LogEntry | null> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#world.log.head(this.id);
      } catch (error) {
        if (this.#world.closing()) throw new StatevisorError('shutting_down', 'The daemon is shutting down.');
        if (tries === 0) this.#world.report({ instance: this.id, message: 'The log cannot be read.', error });
        this.#refuseWaiting(logError('unavailable', 'the log cannot be read'));
        await this.#world.clock.sleep(APPEND_RETRY_MS);
      }
    }
  }

  /** The timer stays pending in the record; it is offered again, so a full log only delays it. */
  #holdBack({ event }: Letter): typeof HELD_BACK {
    const name = event.type as DueTimer['name'];
    const pending = this.#head.timers.find((timer) => timer.name === name);
    if (pending !== undefined) {
      const due = this.#world.clock.now() + APPEND_RETRY_MS;
      this.#world.armTimer({ instance: this.id, name, due, armed: pending.armed });
    }
    return HELD_BACK;
  }

  /** What a durable record withdraws is withdrawn before anybody hears of the record. */
  #withdrawEffects(record: InstanceRecord): void {
    for (const effect of record.effects) if (effect.kind === 'effect.withdraw') this.#effects.withdraw(effect.run);
  }

  #startEffects(record: InstanceRecord): void {
    const { definition } = this.#head.snapshot.context;
    if (definition === null) return;
    record.effects.forEach((effect, index) => {
      if (effect.kind === 'effect.withdraw') return;
      this.#effects.add({ id: effectId(record, index), instance: this.id, effect, definition });
    });
  }
}

function logError(reason: 'full' | 'unavailable', message: string): StatevisorError {
  return new StatevisorError(reason === 'full' ? 'log_full' : 'log_unavailable', message);
}
