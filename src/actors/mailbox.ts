import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
import type { Cause, InstanceRecord } from '../../machines/record.ts';
import type { Position } from './contracts/log.ts';
import { OutcomeUnknownError } from './outcome-unknown.ts';

/** Commands that may wait in one instance's mailbox; the next one is refused as `busy`. */
export const MAILBOX_COMMANDS_MAX = 64;

export type Class = 'command' | 'result' | 'observation' | 'timer';

export interface Letter {
  readonly class: Class;
  readonly event: Unstamped<ExternalEvent>;
  readonly cause: Cause;
  /** Called once, when the letter has been dealt with: with what became of it. */
  readonly answer: Answer | null;
  /** Called once, when it has been dealt with or another has taken its place, for whoever keeps something back until then. */
  readonly settled?: () => void;
}

/** The record of an accepted command, durable at this position. */
export interface Accepted {
  readonly record: InstanceRecord;
  readonly position: Position;
}

export interface Answer {
  readonly accept: (accepted: Accepted) => void;
  readonly refuse: (error: unknown) => void;
  /** Answers now that the outcome is not known; `accept` or `refuse` still tells it afterwards. */
  readonly leaveOpen: () => void;
}

/** Answers once; what is learnt after the outcome was left open settles what the caller was told then. */
export function answerOnce(accept: (accepted: Accepted) => void, refuse: (error: unknown) => void): Answer {
  let later: PromiseWithResolvers<Accepted> | null = null;
  return {
    accept: (accepted) => (later === null ? accept(accepted) : later.resolve(accepted)),
    refuse: (error) => (later === null ? refuse(error) : later.reject(error)),
    leaveOpen: () => {
      if (later !== null) return;
      later = Promise.withResolvers();
      later.promise.catch(() => {});
      refuse(new OutcomeUnknownError(later.promise));
    },
  };
}

/**
 * What one instance has still to deal with, in the order of arrival. Commands are bounded; results, exits and timers
 * have room by construction (each is owed to something the instance itself asked for); readings of probes and traffic
 * coalesce to the newest per kind and run.
 */
export class Mailbox {
  readonly #letters: Letter[] = [];
  #commands = 0;

  get size(): number {
    return this.#letters.length;
  }

  /** False when there is no room for another command. */
  put(letter: Letter): boolean {
    if (letter.class === 'command') {
      if (this.#commands >= MAILBOX_COMMANDS_MAX) return false;
      this.#commands += 1;
    }
    const key = coalescingKey(letter);
    const older = key === null ? -1 : this.#letters.findIndex((waiting) => coalescingKey(waiting) === key);
    if (older < 0) this.#letters.push(letter);
    else this.#putInPlace(older, letter);
    return true;
  }

  /** Whoever keeps something back for the one that is not delivered hears that it was dealt with. */
  #putInPlace(place: number, letter: Letter): void {
    const older = this.#letters[place]!;
    if (minuteIn(older) > minuteIn(letter)) {
      letter.settled?.();
      return;
    }
    this.#letters[place] = letter;
    older.settled?.();
  }

  take(): Letter | undefined {
    const letter = this.#letters.shift();
    if (letter?.class === 'command') this.#commands -= 1;
    return letter;
  }

  /** Every command that waits; the rest keeps its order. */
  takeCommands(): Letter[] {
    if (this.#commands === 0) return [];
    const all = this.drain();
    this.#letters.push(...all.filter((letter) => letter.class !== 'command'));
    return all.filter((letter) => letter.class === 'command');
  }

  /** Everything left, for the end of the process. */
  drain(): Letter[] {
    this.#commands = 0;
    return this.#letters.splice(0);
  }
}

/** Minutes may be told out of their order; of everything else the newest letter counts. */
function minuteIn({ event }: Letter): number {
  return event.type === 'schedule.due' && 'minute' in event ? event.minute : 0;
}

function coalescingKey({ event }: Letter): string | null {
  if (event.type.startsWith('probe.') && 'window' in event) {
    return `probe:${event.window.run}:${event.window.revision}`;
  }
  // Of minutes that wait, the latest counts.
  if (event.type === 'schedule.due' && 'schedule' in event) return `schedule:${event.schedule}`;
  if ((event.type === 'traffic.active' || event.type === 'traffic.idle') && 'run' in event)
    return `traffic:${event.run}`;
  return null;
}
