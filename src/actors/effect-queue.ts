import type { OneShotKind } from '../../machines/effects.ts';
import type { Clock } from './contracts/clock.ts';
import type { EffectControl } from './contracts/hypervisor.ts';
import type { EffectOutcome, Telemetry } from './contracts/telemetry.ts';
import { type EffectTask, type ResultEvent, unknown, withdrawn } from './effect-operations.ts';
import type { FaultInjector } from './fault-points.ts';

/**
 * The one-shot effects of one instance: one at a time, in record order, each ending in exactly one event. What a newer
 * record withdraws is aborted; what has not begun is then not begun at all.
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

export interface EffectQueueOptions {
  readonly clock: Clock;
  readonly perform: (task: EffectTask, control: EffectControl) => Promise<ResultEvent>;
  readonly deliver: (event: ResultEvent, task: EffectTask) => void;
  readonly faults: FaultInjector | undefined;
  readonly telemetry?: Telemetry;
  /** False once this process may no longer act for the instance. */
  readonly mayAct: () => boolean;
}

interface Running {
  readonly task: EffectTask;
  readonly controller: AbortController;
}

export class EffectQueue {
  readonly #options: EffectQueueOptions;
  readonly #waiting: EffectTask[] = [];
  #running: Running | null = null;

  constructor(options: EffectQueueOptions) {
    this.#options = options;
  }

  get idle(): boolean {
    return this.#running === null && this.#waiting.length === 0;
  }

  add(task: EffectTask): void {
    this.#waiting.push(task);
    if (this.#running === null) void this.#drain();
  }

  /** Everything asked for on this run, and not ended yet, is no longer wanted. */
  withdraw(run: number): void {
    const dropped = this.#waiting.filter((task) => task.effect.run === run);
    for (const task of dropped) {
      this.#waiting.splice(this.#waiting.indexOf(task), 1);
      this.#options.telemetry?.effectEnded(task.effect.kind, 'withdrawn', null);
      this.#options.deliver(withdrawn(task), task);
    }
    if (this.#running?.task.effect.run === run) this.#running.controller.abort();
  }

  async #drain(): Promise<void> {
    const { clock, telemetry } = this.#options;
    for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) {
      const controller = new AbortController();
      this.#running = { task, controller };
      const begun = clock.monotonic();
      const event = await this.#run(task, controller);
      this.#running = null;
      telemetry?.effectEnded(task.effect.kind, outcomeOf(event), clock.monotonic() - begun);
      if (this.#options.mayAct()) this.#options.deliver(event, task);
    }
  }

  async #run(task: EffectTask, controller: AbortController): Promise<ResultEvent> {
    const { faults, mayAct, perform } = this.#options;
    const moment = { instance: task.instance, subject: task.effect.kind };
    const stillWanted = (): boolean => !controller.signal.aborted && mayAct();
    await faults?.('effect_begun', moment);
    if (!stillWanted()) return withdrawn(task);
    const control: EffectControl = { effect: task.id, signal: controller.signal, stillWanted };
    const settled = perform(task, control).catch((error: unknown) =>
      unknown(task, { code: 'adapter_failed', message: error instanceof Error ? error.message : String(error) }),
    );
    const event = await this.#orGivenUp(task, controller.signal, settled);
    await faults?.('effect_done', moment);
    return event;
  }

  #orGivenUp(task: EffectTask, signal: AbortSignal, settled: Promise<ResultEvent>): Promise<ResultEvent> {
    return new Promise((resolve) => {
      let cancel = (): void => {};
      const giveUpAfter = (delayMs: number, message: string): void => {
        cancel();
        cancel = this.#options.clock.after(delayMs, () => resolve(unknown(task, { code: 'timed_out', message })));
      };
      const { kind } = task.effect;
      const giveUpLater = (): void => giveUpAfter(WITHDRAWN_SETTLE_MAX_MS, `${kind} did not answer its withdrawal.`);
      if (WITHOUT_SIGNAL.has(kind)) giveUpAfter(WITHOUT_SIGNAL_MAX_MS, `${kind} did not answer in time.`);
      signal.addEventListener('abort', giveUpLater, { once: true });
      void settled.then((event) => {
        signal.removeEventListener('abort', giveUpLater);
        cancel();
        resolve(event);
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
