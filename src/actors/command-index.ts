import type { Clock } from './contracts/clock.ts';
import { parseRecord } from './contracts/instance-entry.ts';
import type { Log } from './contracts/log.ts';
import { StatevisorError } from './errors.ts';

/** A command's id is remembered this long, or until this many newer ones have come. */
export const COMMAND_ID_KEPT_MS = 24 * 3_600_000;
export const COMMAND_IDS_MAX = 100_000;

export interface KnownCommand {
  readonly digest: string;
  readonly stream: string;
  readonly version: number;
  readonly at: number;
}

interface UnderWay {
  readonly digest: string;
  readonly done: Promise<unknown>;
  readonly open: boolean;
}

/** Entries in a row that have to be older before the scan takes the rest to be older too. */
const OLDER_ENTRIES_MAX = 500;

/** The first `at` of a record's text is its own; what the host's stream holds looks the same. */
const TIME = /"at":(\d+)/;

function timeOf(bytes: string): number | null {
  const found = TIME.exec(bytes);
  return found === null ? null : Number(found[1]);
}

/** Records of accepted commands carry this text; the scan parses only those. */
const COMMAND_MARK = '"command":{"id":';

/** Which command ids were accepted, and where their records stand. Rebuilt from the log. */
export class CommandIndex {
  readonly #clock: Clock;
  readonly #known = new Map<string, KnownCommand>();
  /** Ids between arrival and acceptance: a repetition waits for the first one's answer. */
  readonly #underWay = new Map<string, UnderWay>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Reads every accepted command of the kept period back from the log: from its end back to the first entry that is
   * older than that, or until there are enough. What is older than a whole page of entries in a row is not looked at:
   * an entry made while the wall clock was wrong does not end it.
   */
  async rebuild(log: Log): Promise<void> {
    const oldest = this.#clock.now() - COMMAND_ID_KEPT_MS;
    const found: [id: string, command: KnownCommand][] = [];
    let olderInARow = 0;
    for await (const entry of log.readBackwards()) {
      const at = timeOf(entry.bytes);
      olderInARow = at !== null && at < oldest ? olderInARow + 1 : 0;
      if (olderInARow >= OLDER_ENTRIES_MAX || found.length >= COMMAND_IDS_MAX) break;
      if (olderInARow > 0 || !entry.bytes.includes(COMMAND_MARK)) continue;
      const { cause, at: acceptedAt, stream, version } = parseRecord(entry.bytes);
      if (cause.command === null) continue;
      found.push([cause.command.id, { digest: cause.command.digest, stream, version, at: acceptedAt }]);
    }
    this.#putBefore(found.toReversed());
  }

  /** Ids of before the start are older than all that were accepted since, which they do not replace. */
  #putBefore(older: readonly [id: string, command: KnownCommand][]): void {
    const newer = [...this.#known];
    this.#known.clear();
    for (const [id, command] of [...older, ...newer]) this.remember(id, command);
  }

  remember(id: string, command: KnownCommand): void {
    this.#known.delete(id);
    this.#known.set(id, command);
    const oldest = this.#clock.now() - COMMAND_ID_KEPT_MS;
    for (const [knownId, { at }] of this.#known) {
      if (this.#known.size <= COMMAND_IDS_MAX && at >= oldest) break;
      this.#known.delete(knownId);
    }
  }

  /** The record of an earlier acceptance, or null. Another payload under the same id is refused. */
  find(id: string, digest: string): KnownCommand | null {
    const known = this.#known.get(id);
    if (known === undefined) return null;
    if (known.digest !== digest) throw mismatch(id);
    return known;
  }

  /** Settles when the earlier command with this id has been answered, whatever the answer; null when there is none. */
  underWay(id: string, digest: string): Promise<unknown> | null {
    const earlier = this.#underWay.get(id);
    if (earlier === undefined) return null;
    if (earlier.digest !== digest) throw mismatch(id);
    if (earlier.open) throw new StatevisorError('log_unavailable', `What became of command ${id} is not known yet.`);
    return earlier.done;
  }

  begin(id: string, digest: string, done: Promise<unknown>): void {
    this.#put(id, digest, done, false);
  }

  /** Its sender was told that the outcome is not known: repetitions are told the same until it is. */
  leaveOpen(id: string, digest: string, done: Promise<unknown>): void {
    this.#put(id, digest, done, true);
  }

  #put(id: string, digest: string, done: Promise<unknown>, open: boolean): void {
    const settled = done.then(
      () => {},
      () => {},
    );
    const underWay = { digest, done: settled, open };
    this.#underWay.set(id, underWay);
    void settled.then(() => {
      if (this.#underWay.get(id) === underWay) this.#underWay.delete(id);
    });
  }
}

function mismatch(id: string): StatevisorError {
  return new StatevisorError('idempotency_mismatch', `Command id ${id} was used before with another payload.`);
}
