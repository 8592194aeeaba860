import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { systemClock, systemRandom } from '../../src/actors/clock.ts';
import type { DoorAndToken } from './daemon-process.ts';
import { ask } from './door.ts';
import type { Acknowledgement, Refusal } from './evidence.ts';

/**
 * Clients that do not give up: each command has an id of its own and is sent again under it until it is answered,
 * through however many deaths of the daemon.
 */

/** What a client may do next, and how often in relation to the others. */
export interface Deed {
  readonly weight: number;
  readonly act: (instance: Slot, send: Send) => Promise<void>;
}

export interface Slot {
  readonly index: number;
  /** Null while there is no instance in this place. */
  id: string | null;
  /** Somebody is creating or deleting it. */
  taken: boolean;
}

/** Resolves with the instance's id once the command is accepted, null when it is refused. */
export type Send = (
  verb: string,
  instance: string | null,
  request: { readonly method: string; readonly path: string; readonly body?: unknown },
) => Promise<string | null>;

export interface DriverOptions {
  readonly seed: number;
  readonly clients: number;
  readonly slots: number;
  /** Pause of a client between two deeds, ms. */
  readonly pauseMs: number;
  readonly deeds: readonly Deed[];
  /** What to create in an empty place. */
  readonly create: (slot: Slot, serial: number, send: Send) => Promise<string | null>;
  /** Resolves with the door of the daemon that is up, now or soon. */
  readonly door: () => Promise<DoorAndToken>;
}

export interface Driver {
  readonly acknowledged: Acknowledgement[];
  readonly refused: Refusal[];
  /** Answers that never came. */
  readonly lost: () => number;
  readonly send: Send;
  /** Works until told otherwise; what is under way is brought to its end. */
  run(): Promise<void>;
  stop(): void;
}

/** A command that is still not answered after so many tries is a failure of the run. */
const TRIES_MAX = 60;
const RETRY_PAUSE_MS = 25;
/** Not the command's fault: the same may be accepted a moment later. */
const TRANSIENT: readonly string[] = ['busy', 'shutting_down', 'log_unavailable'];

interface Answers {
  readonly acknowledged: Acknowledgement[];
  readonly refused: Refusal[];
  /** Answers that never came. */
  lost: number;
}

/** Sends a command under one id until it is answered, and notes the answer. */
function createSend(door: DriverOptions['door'], answers: Answers): Send {
  const clock = systemClock();
  const random = systemRandom();
  return async (verb, instance, { method, path, body }) => {
    const command = random.id();
    const sentAt = clock.now();
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      const answer = await ask(await door(), method, path, { body, key: command });
      if (answer === null) {
        answers.lost += 1;
        await clock.sleep(RETRY_PAUSE_MS);
        continue;
      }
      const { id, code } = answer.body as { id?: string; code?: string };
      if (answer.status < 300 && id !== undefined) {
        const about = { command, verb, instance: id, version: answer.version ?? 0, position: answer.position };
        answers.acknowledged.push({ ...about, sentAt, answeredAt: clock.now(), tries });
        return id;
      }
      if (code !== undefined && TRANSIENT.includes(code)) {
        await clock.sleep(RETRY_PAUSE_MS);
        continue;
      }
      answers.refused.push({ command, verb, instance, code: code ?? String(answer.status) });
      return null;
    }
    throw new Error(`${verb} ${path} was not answered in ${TRIES_MAX} tries`);
  };
}

/** One client that sends only what it is told to. */
export function createSender(door: DriverOptions['door']): Driver {
  return createDriver({ seed: 0, clients: 0, slots: 0, pauseMs: 0, deeds: [], create: async () => null, door });
}

export function createDriver(options: DriverOptions): Driver {
  const clock = systemClock();
  const generator = xoroshiro128plus(options.seed);
  const below = (limit: number): number => uniformInt(generator, 0, limit - 1);
  const answers: Answers = { acknowledged: [], refused: [], lost: 0 };
  const slots = Array.from({ length: options.slots }, (_, index): Slot => ({ index, id: null, taken: false }));
  const weights = options.deeds.reduce((sum, deed) => sum + deed.weight, 0);
  let serial = 0;
  let stopped = false;

  const send = createSend(options.door, answers);

  const pick = (): Deed => {
    let place = below(weights);
    const found = options.deeds.find(({ weight }) => {
      place -= weight;
      return place < 0;
    });
    return found!;
  };

  const client = async (): Promise<void> => {
    while (!stopped) {
      const slot = slots[below(slots.length)]!;
      if (slot.id !== null) await pick().act(slot, send);
      else if (!slot.taken) {
        slot.taken = true;
        serial += 1;
        slot.id = await options.create(slot, serial, send);
        slot.taken = false;
      }
      if (options.pauseMs > 0) await clock.sleep(options.pauseMs);
    }
  };

  return {
    acknowledged: answers.acknowledged,
    refused: answers.refused,
    lost: () => answers.lost,
    send,
    run: async () => {
      await Promise.all(Array.from({ length: options.clients }, client));
    },
    stop: () => {
      stopped = true;
    },
  };
}
