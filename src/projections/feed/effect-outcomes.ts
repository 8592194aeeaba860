import { effectId } from '../../../machines/record.ts';
import type { LoggedRecord } from './readable-log.ts';

/**
 * How the effects that records asked for have ended, told beside the record that asked: whoever reads "boot" wants to
 * know what came of it without searching for the record that says so.
 */

export interface EffectOutcome {
  /** `<stream>/<version>/<n>`. */
  readonly effect: string;
  readonly kind: string;
  /** `interrupted`: the daemon ended before the effect did; what had become of the run was found at its next start. */
  readonly ended: 'done' | 'failed' | 'withdrawn' | 'unknown' | 'interrupted';
  /** Version of the record that tells it. */
  readonly version: number;
  /** Epoch ms. */
  readonly at: number;
  /** From the record that asked to the one that tells. */
  readonly duration_ms: number;
  /** Why it failed, or what was found; null when there is nothing to add. */
  readonly message: string | null;
}

/** Effects that end in no record: they only withdraw others. */
const WITHOUT_END = 'effect.withdraw';

interface Open {
  readonly asked: LoggedRecord;
  readonly effect: string;
  readonly kind: string;
  readonly run: number;
}

/** Follows records of one stream in order and collects how what they asked for has ended. */
export class OutcomeCollector {
  readonly #open = new Map<string, Open>();
  /** By the version of the record that asked, and of the one that told. */
  readonly #ended = new Map<number, EffectOutcome[]>();
  readonly #told = new Map<number, EffectOutcome[]>();

  /** True as long as something that was asked for has not ended. */
  get waiting(): boolean {
    return this.#open.size > 0;
  }

  /** Takes the next record. `asks`: its own effects are to be followed too. */
  take(record: LoggedRecord, asks: boolean): void {
    this.#settle(record);
    if (!asks) return;
    (record.effects ?? []).forEach(({ kind, run }, index) => {
      if (kind === WITHOUT_END) return;
      const effect = effectId(record, index);
      this.#open.set(effect, { asked: record, effect, kind, run });
    });
  }

  /** Of the effects that the record of this version asked for, in the order in which they ended. */
  of(version: number): readonly EffectOutcome[] {
    return this.#ended.get(version) ?? [];
  }

  /** Of the effects whose end the record of this version told. */
  endedWith(version: number): readonly EffectOutcome[] {
    return this.#told.get(version) ?? [];
  }

  #settle(record: LoggedRecord): void {
    const { event, cause } = record;
    const named = cause.causation === null ? undefined : this.#open.get(cause.causation);
    if (named !== undefined) {
      this.#end(named, record, endOf(event.type));
    } else if (event.type === 'vmm.found') {
      // A daemon that starts tells what it finds of a run: nobody waits any more for what its forerunner had begun.
      for (const open of this.#open.values()) if (open.run === event.run) this.#end(open, record, 'interrupted');
    }
  }

  #end(open: Open, { version, at, event }: LoggedRecord, ended: EffectOutcome['ended']): void {
    this.#open.delete(open.effect);
    const { asked, effect, kind } = open;
    const outcome = { effect, kind, ended, version, at, duration_ms: at - asked.at, message: messageOf(event) };
    this.#ended.set(asked.version, [...(this.#ended.get(asked.version) ?? []), outcome]);
    this.#told.set(version, [...(this.#told.get(version) ?? []), outcome]);
  }
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
  const { error, found } = event as { error?: { message?: string } | string; found?: { reality?: string } };
  if (typeof error === 'string') return error;
  return error?.message ?? found?.reality ?? null;
}
