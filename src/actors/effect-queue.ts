import type { OneShotKind } from '../../machines/effects.ts';
import type { Clock } from './contracts/clock.ts';
import type { EffectControl } from './contracts/hypervisor.ts';
import type { EffectOutcome, Telemetry } from './contracts/telemetry.ts';
import { type EffectTask, type ResultEvent, unknown, withdrawn } from './effect-operations.ts';
import type { FaultInjector } from './fault-points.ts';

/**
 * The one-shot effects of one instance: one at a time, in record order, each ending in exactly one event. What a newer
 * record withdraws is aborted; what has not begun is then not begun at all. Questions about what is known do not queue.
 */

/** An operation that has been withdrawn and still does not answer is given up on, as `unknown`, after this long. */
export const WITHDRAWN_SETTLE_MAX_MS = 20_000;

/** Operations that are given no signal: only time can end their waiting, and whatever stands behind them waits too. */
const WITHOUT_SIGNAL: ReadonlySet<OneShotKind> = new Set([
  'instance.prepare',
  'instance.remove',
  'vmm.inspect',
  'snapshot.drop',
  'traffic.confirm',
]);
/** Such an operation is given up on, as `unknown`, after this long. */
export const WITHOUT_SIGNAL_MAX_MS = 30_000;

/**
 * A shutdown that does not answer although a kill of the same run waits behind it is given up on, as `unknown`, after
 * this long. It is not withdrawn: whether the guest was asked does not matter to a kill.
 */
export const OVERTAKEN_SETTLE_MAX_MS = 5_000;

/**
 * These touch no VMM: they wait for no operation that is under way and keep none waiting, and whoever withdraws one does
 * not wait for its answer. So a paused guest is let go although the table of connections is still being read.
 */
const BESIDE_THE_QUEUE: ReadonlySet<OneShotKind> = new Set(['host.admit', 'traffic.confirm']);

/**
 * The chart goes on from a copy without its answer, and may ask for the next one of the same run before that has come: to
 * it, only the word about the newest one is about the copy it waits for.
 */
const ONLY_NEWEST_COUNTS: ReadonlySet<string> = new Set<OneShotKind>(['snapshot.copy']);

export interface EffectQueueOptions {
  readonly clock: Clock;
  readonly perform: (task: EffectTask, control: EffectControl) => Promise<ResultEvent>;
  readonly deliver: (event: ResultEvent, task: EffectTask) => void;
  /** Hears of a result that is not delivered: it came too late, or this process may no longer act. */
  readonly discard: (event: ResultEvent) => void;
  readonly faults: FaultInjector | undefined;
  readonly telemetry?: Telemetry;
  /** False once this process may no longer act for the instance. */
  readonly mayAct: () => boolean;
}

/** What is done between two effects. */
type Between = () => Promise<void>;

interface Running {
  readonly task: EffectTask;
  readonly controller: AbortController;
  /** Something waits behind it that makes it needless. */
  readonly overtaken: AbortController;
}

export class EffectQueue {
  readonly #options: EffectQueueOptions;
  readonly #waiting: (EffectTask | Between)[] = [];
  readonly #running = new Set<Running>();
  #draining = false;
  #between = false;
  /** The question about traffic, and the copy, that was asked for last. */
  readonly #newest = new Map<string, string>();

  constructor(options: EffectQueueOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#running.size === 0 && this.#waiting.length === 0 && !this.#between;
  }

  /** Does something once what was asked for so far has ended, and before anything that is asked for later begins. */
  between(act: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => act().then(resolve, reject));
      if (!this.#draining) void this.#drain();
    });
  }

  add(task: EffectTask): void {
    const { kind, run } = task.effect;
    if (BESIDE_THE_QUEUE.has(kind)) {
      // Only the newest question about traffic is still one: what was read for an earlier one may be older than it.
      if (kind === 'traffic.confirm') this.#abort((other) => other.kind === kind && other.run === run);
      this.#newest.set(kind, task.id);
      void this.#carryOut(task);
      return;
    }
    this.#newest.set(kind, task.id);
    // One look at a run tells what all that wait would tell, and one removal removes it all: no queue fills with them.
    if (kind === 'vmm.inspect' || kind === 'instance.remove')
      this.#drop((other) => other.kind === kind && other.run === run);
    if (kind === 'vmm.kill') this.#overtake((other) => other.kind === 'vmm.shutdown' && other.run === run);
    this.#waiting.push(task);
    if (!this.#draining) void this.#drain();
  }

  /**
   * What was read for an earlier question, and told before the newest one was asked, may be older than that. So is what
   * is told of a copy that was given up for another one.
   */
  isOutdated(event: { readonly type: string; readonly kind?: string }, effect: string | null): boolean {
    const kind = event.type === 'traffic.confirmed_idle' ? 'traffic.confirm' : (event.kind ?? '');
    const isFenced = kind === 'traffic.confirm' || ONLY_NEWEST_COUNTS.has(kind);
    return isFenced && effect !== this.#newest.get(kind);
  }

  /**
   * Everything asked for on this run, and not ended yet, is no longer wanted; but what it left on disk and nobody names
   * any more is removed all the same.
   */
  withdraw(run: number): void {
    const isUnwanted = (effect: EffectTask['effect']): boolean => effect.run === run && effect.kind !== 'snapshot.drop';
    this.#drop(isUnwanted);
    this.#abort(isUnwanted);
  }

  #abort(unwanted: (effect: EffectTask['effect']) => boolean): void {
    for (const { task, controller } of this.#running) if (unwanted(task.effect)) controller.abort();
  }

  #overtake(needless: (effect: EffectTask['effect']) => boolean): void {
    for (const { task, overtaken } of this.#running) if (needless(task.effect)) overtaken.abort();
  }

  /** What has not begun ends as withdrawn. */
  #drop(unwanted: (effect: EffectTask['effect']) => boolean): void {
    const dropped = this.#waiting.filter((one) => typeof one !== 'function').filter(({ effect }) => unwanted(effect));
    for (const task of dropped) {
      this.#waiting.splice(this.#waiting.indexOf(task), 1);
      this.#options.telemetry?.effectEnded(task.effect.kind, 'withdrawn', null);
      this.#options.deliver(withdrawn(task), task);
    }
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (typeof next !== 'function') await this.#carryOut(next);
      else {
        this.#between = true;
        await next();
        this.#between = false;
      }
    }
    this.#draining = false;
  }

  async #carryOut(task: EffectTask): Promise<void> {
    const { clock, telemetry } = this.#options;
    const running = { task, controller: new AbortController(), overtaken: new AbortController() };
    this.#running.add(running);
    const begun = clock.monotonic();
    const event = await this.#run(running);
    this.#running.delete(running);
    telemetry?.effectEnded(task.effect.kind, outcomeOf(event), clock.monotonic() - begun);
    if (this.#options.mayAct()) this.#options.deliver(event, task);
    else this.#options.discard(event);
  }

  async #run(running: Running): Promise<ResultEvent> {
    const { task, controller } = running;
    const { faults, mayAct, perform } = this.#options;
    const moment = { instance: task.instance, subject: task.effect.kind };
    const stillWanted = (): boolean => !controller.signal.aborted && mayAct();
    await faults?.('effect_begun', moment);
    if (!stillWanted()) return withdrawn(task);
    const control: EffectControl = { effect: task.id, signal: controller.signal, stillWanted };
    const settled = perform(task, control).catch((error: unknown) =>
      unknown(task, { code: 'adapter_failed', message: error instanceof Error ? error.message : String(error) }),
    );
    const event = await this.#orGivenUp(running, settled);
    await faults?.('effect_done', moment);
    return event;
  }

  #orGivenUp({ task, controller, overtaken }: Running, settled: Promise<ResultEvent>): Promise<ResultEvent> {
    const { signal } = controller;
    return new Promise((resolve) => {
      let cancel = (): void => {};
      let isAnswered = false;
      const answer = (event: ResultEvent): void => {
        isAnswered = true;
        resolve(event);
      };
      const giveUpAfter = (delayMs: number, message: string): void => {
        cancel();
        cancel = this.#options.clock.after(delayMs, () => answer(unknown(task, { code: 'timed_out', message })));
      };
      const { kind } = task.effect;
      const giveUpLater = (): void => {
        if (BESIDE_THE_QUEUE.has(kind)) answer(withdrawn(task));
        else giveUpAfter(WITHDRAWN_SETTLE_MAX_MS, `${kind} did not answer its withdrawal.`);
      };
      if (WITHOUT_SIGNAL.has(kind)) giveUpAfter(WITHOUT_SIGNAL_MAX_MS, `${kind} did not answer in time.`);
      const giveWay = (): void => giveUpAfter(OVERTAKEN_SETTLE_MAX_MS, `${kind} did not answer, and a kill waits.`);
      signal.addEventListener('abort', giveUpLater, { once: true });
      overtaken.signal.addEventListener('abort', giveWay, { once: true });
      void settled.then((event) => {
        signal.removeEventListener('abort', giveUpLater);
        overtaken.signal.removeEventListener('abort', giveWay);
        cancel();
        // Whoever promised something with it hears that it came too late.
        if (isAnswered) this.#options.discard(event);
        else answer(event);
      });
    });
  }
}

const OUTCOMES: Readonly<Record<string, EffectOutcome>> = {
  'effect.done': 'done',
  'effect.failed': 'failed',
  'effect.withdrawn': 'withdrawn',
  'effect.unknown': 'unknown',
};

function outcomeOf({ type }: ResultEvent): EffectOutcome {
  return OUTCOMES[type] ?? 'answered';
}
