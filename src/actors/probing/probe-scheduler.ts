import type { ObservationEvent, Unstamped } from '../../../machines/events.ts';
import type { HealthCheck } from '../../../machines/policies.ts';
import type { CancelTimer, Clock } from '../contracts/clock.ts';
import { PROBE_TIME_UP, type ProbedGuest, type ProbeResult, type Prober } from '../contracts/probe.ts';
import type { ProbeReading, ProbeReadings } from '../contracts/probe-readings.ts';
import { safeSentence } from '../contracts/safe-sentence.ts';
import type { Telemetry } from '../contracts/telemetry.ts';
import { type Due, DueHeap } from '../due-heap.ts';
import { answerBy, dueAt, firstOffsetMs, type Slots, slotAfter, startBy, WAKE_GAP_MS } from './cadence.ts';
import { type Counted, KeptReadings } from './kept-readings.ts';
import { type Lane, type PlaceLimits, Places } from './places.ts';
import { askProber } from './question.ts';
import { StallWatch } from './stall-watch.ts';

/**
 * Asks guests whether they are well: each in its own fixed slots, never two questions to one guest at once, and none
 * waiting for another's answer. One heap and one timer of the clock serve all of them. What it finds is handed on and
 * forgotten: it never waits for what becomes of it, be that a record or a restart.
 *
 * docs/explanation/how-probes-are-scheduled.md says why it is done in this way.
 */

/** Probes begun in one turn of the event loop: whatever else waits is served in between. */
export const STARTS_PER_TURN_MAX = 128;
/** Questions to one guest that were given up and have not ended, though they were told to: with these no other begins. */
export const UNSETTLED_PER_GUEST_MAX = 4;

/** Timers of this process are exact to a millisecond. */
const TIMER_EXACT_MS = 1;

const WINDOW_OVER = new Error('The window of this probe is over.');

export type ProbeEvent = Extract<Unstamped<ObservationEvent>, { type: `probe.${string}` }>;

export interface ProbeWindow {
  readonly guest: ProbedGuest;
  readonly check: HealthCheck;
  readonly revision: number;
}

export interface ProbeSchedulerOptions {
  readonly clock: Clock;
  readonly prober: Prober;
  readonly telemetry?: Telemetry | undefined;
  /** Takes a result and returns at once. */
  readonly deliver: (instance: string, event: ProbeEvent) => void;
  readonly limits?: PlaceLimits;
}

/** What it has in hand. */
export interface ProbingStatus {
  readonly windows: number;
  /** Questions that have not ended, also those that were given up. */
  readonly in_flight: number;
  /** Probes that are due and wait for a place. */
  readonly waiting: number;
}

/** One window: it waits for its next slot, then perhaps for a place, then for an answer; `dueAt` ends each wait. */
interface Round extends Due {
  readonly window: ProbeWindow;
  readonly slots: Slots;
  readonly readings: KeptReadings;
  stage: 'slot' | 'place' | 'answer';
  slot: number;
  question: Question | null;
  lane: Lane;
  unsettled: number;
}

interface Question {
  readonly controller: AbortController;
  readonly askedAt: number;
}

export class ProbeScheduler implements ProbeReadings {
  readonly #options: ProbeSchedulerOptions;
  readonly #rounds = new Map<string, Round>();
  readonly #heap = new DueHeap<Round>();
  readonly #places: Places<Round>;
  readonly #stalls: StallWatch;
  #cancelWake: CancelTimer | null = null;
  #wakeAt = Number.POSITIVE_INFINITY;
  /** The earliest instant at which to wake again. */
  #restedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ProbeSchedulerOptions) {
    this.#options = options;
    this.#places = new Places(options.limits);
    this.#stalls = new StallWatch(options.clock);
  }

  /** `counted`: what the chart has counted in this window. A window of this instance that is open is ended. */
  open(window: ProbeWindow, counted: Counted): void {
    const { guest, check, revision } = window;
    this.end(guest.instance);
    const offsetMs = firstOffsetMs(guest.instance, check.interval_ms, this.#rounds.size + 1);
    const first = this.#options.clock.monotonic() + offsetMs;
    const round: Round = {
      window,
      slots: { first, intervalMs: check.interval_ms },
      readings: new KeptReadings({ run: guest.run, revision }, counted),
      stage: 'slot',
      slot: 0,
      question: null,
      lane: 'new',
      unsettled: 0,
      dueAt: first,
      place: -1,
    };
    this.#rounds.set(guest.instance, round);
    this.#heap.put(round, first);
    this.#schedule();
  }

  /** Nothing of this window is delivered any more; a question under way is told to give up. */
  end(instance: string): void {
    const round = this.#rounds.get(instance);
    if (round === undefined) return;
    this.#rounds.delete(instance);
    this.#heap.remove(round);
    this.#places.leave(round.lane, round);
    const { question } = round;
    round.question = null;
    question?.controller.abort(WINDOW_OVER);
  }

  close(): void {
    for (const instance of [...this.#rounds.keys()]) this.end(instance);
    this.#cancelWake?.();
    this.#cancelWake = null;
  }

  readingsOf(instance: string): ProbeReading | undefined {
    return this.#rounds.get(instance)?.readings.read();
  }

  status(): ProbingStatus {
    return { windows: this.#rounds.size, in_flight: this.#places.taken, waiting: this.#places.waiting };
  }

  #schedule(): void {
    const first = this.#heap.first();
    if (first === undefined) return;
    const wakeAt = Math.max(first.dueAt, this.#restedAt);
    if (this.#cancelWake !== null && this.#wakeAt <= wakeAt) return;
    this.#cancelWake?.();
    const now = this.#options.clock.monotonic();
    this.#wakeAt = Math.max(now, wakeAt);
    this.#cancelWake = this.#options.clock.after(Math.ceil(this.#wakeAt - now), () => this.#wake());
    this.#stalls.expect(this.#wakeAt);
  }

  #wake(): void {
    const now = this.#stalls.look();
    this.#cancelWake = null;
    this.#stalls.expect(Number.POSITIVE_INFINITY);
    let started = 0;
    for (let first = this.#heap.first(); first !== undefined && first.dueAt <= now; first = this.#heap.first()) {
      if (started === STARTS_PER_TURN_MAX) break;
      started += this.#come(first, now) ? 1 : 0;
    }
    this.#restedAt = started === STARTS_PER_TURN_MAX ? now : now + WAKE_GAP_MS;
    this.#schedule();
  }

  /** What this round waited for has come, or comes no more. True when a probe was begun. */
  #come(round: Round, now: number): boolean {
    if (round.stage === 'answer') this.#giveUp(round, now);
    else if (round.stage === 'place' || now > startBy(round.slots, round.slot)) this.#miss(round, now);
    else if (round.unsettled >= UNSETTLED_PER_GUEST_MAX) this.#skip(round, now);
    else return this.#askOrWait(round, now);
    return false;
  }

  #askOrWait(round: Round, now: number): boolean {
    if (this.#places.take(round.lane, round)) {
      this.#ask(round, now);
      return true;
    }
    round.stage = 'place';
    this.#heap.put(round, startBy(round.slots, round.slot));
    return false;
  }

  #ask(round: Round, now: number): void {
    const { guest, check } = round.window;
    const question = { controller: new AbortController(), askedAt: now };
    const { lane } = round;
    round.stage = 'answer';
    round.question = question;
    round.unsettled += 1;
    this.#heap.put(round, answerBy(round.slots, round.slot, { askedAt: now, timeoutMs: check.timeout_ms }));
    this.#options.telemetry?.probeStarted(now - dueAt(round.slots, round.slot));
    void askProber(this.#options.prober, guest, check, question.controller.signal).then((result) => {
      round.unsettled -= 1;
      this.#places.release(lane);
      if (round.question === question) this.#answered(round, question, result);
      this.#giveOutPlaces();
    });
  }

  #answered(round: Round, question: Question, result: ProbeResult): void {
    const now = this.#stalls.look();
    const durationMs = now - question.askedAt;
    const inTime = durationMs < round.window.check.timeout_ms - TIMER_EXACT_MS && !question.controller.signal.aborted;
    round.lane = inTime ? 'answering' : 'silent';
    this.#conclude(round, this.#judged(result, question, now), durationMs, now);
    this.#schedule();
  }

  /**
   * The time is up. A prober that hears it says at once what it has found by then; no answer is a failure, whatever else it
   * makes of its signal.
   */
  #giveUp(round: Round, now: number): void {
    const question = round.question!;
    const { timeout_ms } = round.window.check;
    this.#heap.remove(round);
    question.controller.abort(PROBE_TIME_UP);
    void this.#options.clock.turn().then(() => {
      if (round.question !== question) return;
      round.lane = 'silent';
      const late: ProbeResult = { result: 'failed', error: `no answer within ${timeout_ms} ms` };
      this.#conclude(round, this.#judged(late, question, now), now - question.askedAt, now);
      this.#schedule();
    });
  }

  /** A guest is not blamed for what it could not do while this process, or the host, stood still. */
  #judged(result: ProbeResult, { askedAt }: Question, now: number): ProbeResult {
    if (result.result !== 'failed' || !this.#stalls.since(askedAt)) return result;
    const ms = Math.round(now - askedAt);
    return {
      result: 'unavailable',
      error: `the host or the daemon stood still for a part of ${ms} ms: ${result.error}`,
    };
  }

  #conclude(round: Round, result: ProbeResult, durationMs: number, now: number): void {
    round.question = null;
    const missed = this.#await(round, now) - 1;
    this.#note(round, result, durationMs);
    if (missed > 0) this.#noteMissed(round, missed);
  }

  /** The slot is over, and with it perhaps others: none of them is made up for. */
  #miss(round: Round, now: number): void {
    this.#places.leave(round.lane, round);
    this.#noteMissed(round, this.#await(round, now));
  }

  #skip(round: Round, now: number): void {
    this.#await(round, now);
    const error = `${round.unsettled} earlier probes of this guest have not ended`;
    this.#note(round, { result: 'unavailable', error }, null);
  }

  /** Until the next slot that can be kept; answers how many slots further that is. */
  #await(round: Round, now: number): number {
    const next = slotAfter(round.slots, round.slot, now);
    const further = next - round.slot;
    round.stage = 'slot';
    round.slot = next;
    this.#heap.put(round, dueAt(round.slots, next));
    if (round.dueAt <= now) this.#restedAt = now;
    return further;
  }

  #noteMissed(round: Round, slots: number): void {
    round.readings.noteMissed(slots);
    this.#options.telemetry?.probesMissed(slots);
    const more = slots === 1 ? '' : ` (${slots} probes)`;
    this.#note(round, { result: 'unavailable', error: `not started in time${more}` }, null);
  }

  #note({ window, readings }: Round, result: ProbeResult, durationMs: number | null): void {
    const { guest, check, revision } = window;
    const { clock, telemetry, deliver } = this.#options;
    const cut = result.result === 'passed' ? result : { ...result, error: safeSentence(result.error) };
    readings.note(cut, clock.now(), durationMs);
    telemetry?.probed(check.target.type, cut.result, durationMs);
    const of = { run: guest.run, revision };
    if (cut.result === 'passed') deliver(guest.instance, { type: 'probe.passed', window: of });
    else deliver(guest.instance, { type: `probe.${cut.result}`, window: of, error: cut.error });
  }

  #giveOutPlaces(): void {
    for (let next = this.#places.next(); next !== undefined; next = this.#places.next()) {
      this.#ask(next, this.#options.clock.monotonic());
    }
    this.#schedule();
  }
}
