import type { Observation } from '../../actors/contracts/hypervisor.ts';
import type { WorldAnswer, WorldRequest } from './wire.ts';
import type { World } from './world.ts';

/** One way to a simulated world: a call within the process, or a socket to the process that hosts it. */
export interface WorldPort {
  /**
   * Asks the world. Requests of one port are served in the order of their calls. Rejects with `WorldUnreachable`
   * when there will be no answer. An `irreversible` request is handed over in this very tick or not at all.
   */
  call(request: WorldRequest, irreversible?: boolean): Promise<WorldAnswer>;
  observe(listener: (observation: Observation) => void): () => void;
  /** Called after each change of its table; left out where the table has to be looked at now and then. */
  observeTable?(listener: () => void): () => void;
  /** Called after the way to the world was lost and found again: observations may be missing in between. */
  onReturn(listener: () => void): void;
  close(): Promise<void>;
}

/** The world did not answer and will not. `sent`: whether it may have been asked. */
export class WorldUnreachable extends Error {
  override readonly name = 'WorldUnreachable';
  readonly sent: boolean;

  constructor(message: string, sent: boolean) {
    super(message);
    this.sent = sent;
  }
}

/** The way to a world in this process. Closing it gives back what was prepared through it; the world goes on. */
export function directPort(world: World): WorldPort {
  const owner = {};
  const stops: (() => void)[] = [];
  let closed = false;
  return {
    call(request) {
      if (closed) return Promise.reject(new WorldUnreachable('the simulator is closed', false));
      const answer = world.handle(request, owner);
      return answer === null ? new Promise(() => {}) : Promise.resolve(answer);
    },
    observe(listener) {
      const stop = world.observe(listener);
      stops.push(stop);
      return stop;
    },
    observeTable(listener) {
      const stop = world.observeTable(listener);
      stops.push(stop);
      return stop;
    },
    onReturn() {},
    async close() {
      closed = true;
      for (const stop of stops) stop();
      world.abandon(owner);
    },
  };
}
