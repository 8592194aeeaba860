import type { Cause, InstanceRecord } from '../../machines/record.ts';
import { CommandIndex, type KnownCommand } from './command-index.ts';
import type { Clock } from './contracts/clock.ts';
import { parseRecord } from './contracts/instance-entry.ts';
import type { Log, Position } from './contracts/log.ts';
import { OutcomeUnknownError } from './outcome-unknown.ts';
import type { Acceptance, CommandMeta } from './supervisor.ts';

/** What of a record says which command it is about, and where it stands. */
type Remembered = Pick<InstanceRecord, 'cause' | 'version' | 'at'> & { readonly stream: string };

/** Makes sure that one command id acts once, whatever is repeated, crashes included. */
export class CommandDesk {
  readonly #log: Log;
  readonly #index: CommandIndex;
  /** Null when the ids of the log are not known, because they were not read or could not be. */
  #read: Promise<void> | null = null;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#index = new CommandIndex(clock);
  }

  /**
   * Commands with an id wait until the ids of the log are known again; the others need not. A reading that failed is
   * made again by the next command with an id.
   */
  readBack(): Promise<void> {
    this.#read ??= this.#index.rebuild(this.#log).catch((error: unknown) => {
      this.#read = null;
      throw error;
    });
    return this.#read;
  }

  remember({ cause, stream, version, at }: Remembered): void {
    const { command } = cause;
    if (command !== null) this.#index.remember(command.id, { digest: command.digest, stream, version, at });
  }

  /** A repeated command id is answered from the record of the first one; at the same time, it waits for the first. */
  once(meta: CommandMeta, act: () => Promise<Acceptance>): Promise<Acceptance> {
    return this.onceOr(meta, act, (known) => this.#repeat(known));
  }

  /** The same for what is not answered with an instance: `repeat` makes the answer from where the first record stands. */
  async onceOr<T>(meta: CommandMeta, act: () => Promise<T>, repeat: (known: KnownCommand) => Promise<T>): Promise<T> {
    const { commandId, digest = '' } = meta;
    if (commandId === undefined) return act();
    await this.readBack();
    for (let earlier = this.#index.underWay(commandId, digest); earlier !== null; ) {
      await earlier;
      earlier = this.#index.underWay(commandId, digest);
    }
    // Nothing is awaited from here to `begin`, so no repetition can slip in between.
    const known = this.#index.find(commandId, digest);
    if (known !== null) return repeat(known);
    const acting = act();
    this.#index.begin(commandId, digest, acting);
    acting.catch((error: unknown) => {
      if (error instanceof OutcomeUnknownError) this.#index.leaveOpen(commandId, digest, error.settled);
    });
    return acting;
  }

  async #repeat({ stream, version }: KnownCommand): Promise<Acceptance> {
    const accepted = await this.#readRecord(stream, version);
    const definition =
      accepted.record.definition ?? (await this.#readRecord(stream, accepted.record.definition_at)).record.definition;
    if (definition === undefined) throw new Error(`Record ${version} of ${stream} has no definition.`);
    return { id: stream, ...accepted, definition, repeated: true };
  }

  async #readRecord(stream: string, version: number): Promise<{ record: InstanceRecord; position: Position }> {
    for await (const entry of this.#log.read(stream, version, 1)) {
      return { record: parseRecord(entry.bytes), position: entry.position };
    }
    throw new Error(`The log has no record ${version} of ${stream}.`);
  }
}

/** Who sent a command and under which id, as its record says it. */
export function causeOf(meta: CommandMeta): Cause {
  const { commandId, digest = '', correlation = null, trace = null } = meta;
  return {
    actor: meta.actor,
    via: meta.via,
    command: commandId === undefined ? null : { id: commandId, digest },
    correlation,
    causation: null,
    trace,
  };
}
