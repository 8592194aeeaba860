import { effectId } from '../../../machines/record.ts';
import { tellsItsEnd } from '../words/effect-words.ts';
import type { LoggedRecord } from './readable-log.ts';

/**
 * How the effects that records asked for have ended, told beside the record that asked: whoever reads "boot" wants to
 * know what came of it without searching for the record that says so.
 */

export interface EffectOutcome {
  /** `<stream>/<version>/<n>`. */
  readonly effect: string;
  readonly kind: string;
  /**
   * `run_ended`: its run ended, and no result was recorded of it because none mattered any more. `interrupted`: the daemon
   * ended before it did, and found at its next start what had become of the run.
   */
  readonly ended: 'done' | 'failed' | 'withdrawn' | 'unknown' | 'run_ended' | 'interrupted';
  /** Version of the record that tells it. */
  readonly version: number;
  /** Epoch ms. */
  readonly at: number;
  /** From the record that asked to the one that tells. */
  readonly duration_ms: number;
  /** Why it failed, or what was found; null when there is nothing to add. */
  readonly message: string | null;
}

/** Ends in no record: it only withdraws others. */
const WITHDRAW = 'effect.withdraw';

interface Followed {
  readonly asked: LoggedRecord;
  readonly effect: string;
  readonly kind: string;
  readonly run: number;
  outcome: EffectOutcome | null;
}

/** Follows records of one stream in order and collects how what they asked for has ended. */
export class OutcomeCollector {
  readonly #unsettled = new Map<string, Followed>();
  /** By the version of the record that asked, and of the one that told. */
  readonly #asked = new Map<number, Followed[]>();
  readonly #told = new Map<number, Followed[]>();

  /** True as long as a result may still come of something that was asked for. */
  get waiting(): boolean {
    return [...this.#unsettled.values()].some(({ kind }) => tellsItsEnd(kind));
  }

  /** Takes the next record. `asks`: its own effects are to be followed too. */
  take(record: LoggedRecord, asks: boolean): void {
    this.#settle(record);
    for (const { kind, run } of record.effects ?? []) if (kind === WITHDRAW) this.#presumeOf(run, record, 'withdrawn');
    if (!asks) return;
    const followed = (record.effects ?? []).flatMap(({ kind, run }, index): Followed[] => {
      const about = { asked: record, effect: effectId(record, index), kind, run };
      return kind === WITHDRAW ? [] : [{ ...about, outcome: null }];
    });
    for (const one of followed) this.#unsettled.set(one.effect, one);
    this.#asked.set(record.version, followed);
  }

  /** Of the effects that the record of this version asked for. */
  of(version: number): EffectOutcome[] {
    return outcomesOf(this.#asked.get(version));
  }

  /** Of the effects whose end the record of this version told. */
  endedWith(version: number): EffectOutcome[] {
    return outcomesOf(this.#told.get(version)).filter((outcome) => outcome.version === version);
  }

  /** Forgets what has ended, for who asks about each record when it is taken and never again. */
  forgetEnded(): void {
    this.#asked.clear();
    this.#told.clear();
  }

  #settle(record: LoggedRecord): void {
    const { event, cause, facts = [] } = record;
    const named = cause.causation === null ? undefined : this.#unsettled.get(cause.causation);
    if (named !== undefined) this.#settleNamed(named, record);
    // A daemon that starts tells what it finds of a run: nobody waits any more for what its forerunner had begun.
    else if (event.type === 'vmm.found') this.#presumeOf(event.run, record, 'interrupted');
    for (const fact of facts) if (fact.type === 'instance.ended') this.#presumeOf(fact.run, record, 'run_ended');
  }

  /** Effects of one instance run one after the other, so nothing more is heard of those asked for before this one. */
  #settleNamed(named: Followed, record: LoggedRecord): void {
    this.#tell(named, record, endOf(record.event.type));
    for (const [id, earlier] of this.#unsettled) {
      if (earlier !== named && earlier.outcome === null) continue;
      this.#unsettled.delete(id);
      if (earlier === named) return;
    }
  }

  /** The chart does not record what nobody needs any more; if a result comes all the same, it is the better word. */
  #presumeOf(run: unknown, record: LoggedRecord, ended: EffectOutcome['ended']): void {
    for (const one of this.#unsettled.values()) {
      if (one.run === run && one.outcome === null && tellsItsEnd(one.kind)) this.#tell(one, record, ended);
    }
  }

  #tell(one: Followed, { version, at, event }: LoggedRecord, ended: EffectOutcome['ended']): void {
    const { asked, effect, kind } = one;
    one.outcome = { effect, kind, ended, version, at, duration_ms: at - asked.at, message: messageOf(event) };
    this.#told.set(version, [...(this.#told.get(version) ?? []), one]);
  }
}

function outcomesOf(followed: readonly Followed[] = []): EffectOutcome[] {
  return followed.flatMap(({ outcome }) => (outcome === null ? [] : [outcome]));
}

/** Effects that ask a question end in an observation, which is their answer. */
function endOf(type: string): EffectOutcome['ended'] {
  switch (type) {
    case 'effect.failed':
      return 'failed';
    case 'effect.withdrawn':
      return 'withdrawn';
    case 'effect.unknown':
    case 'traffic.unconfirmed':
      return 'unknown';
    default:
      return 'done';
  }
}

function messageOf(event: LoggedRecord['event']): string | null {
  if (event.type === 'host.held') return `held back: ${String(event.reason)}`;
  const { error, found } = event as { error?: { message?: string } | string; found?: { reality?: string } };
  if (typeof error === 'string') return error;
  return error?.message ?? found?.reality ?? null;
}
