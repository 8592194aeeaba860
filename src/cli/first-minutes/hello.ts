import type { Clock } from '../../actors/contracts/clock.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { Caller, UseCases } from '../../gateway/use-cases/contract.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Progress } from './progress.ts';

/**
 * The instance `hello`, for whoever starts Statevisor for the first time: created as everybody's are, when nothing was
 * ever recorded. Any record means that somebody has begun already, so one that was removed does not come back, and a
 * crash at any moment leaves either the record of its creation or nothing.
 */

export const HELLO = 'hello';

const DEFINITION = {
  name: HELLO,
  image: 'demo',
  size: '128MB',
  network: { ports: [{ guest_port: 80 }, { guest_port: 7 }] },
  restart_policy: { policy: 'on_failure' },
};

/** How long its boot is followed before the rest is left to whoever looks. */
export const FOLLOW_MAX_MS = 180_000;
/** How often the line about its boot is brought up to date. */
const LOOK_EVERY = '1s';
const MS_PER_SECOND = 1_000;

export interface HelloDoors {
  readonly useCases: Pick<UseCases, 'create' | 'get' | 'wait'>;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  readonly progress: Progress;
  /** Fires when the daemon is to end. */
  readonly signal: AbortSignal;
}

/** Null when it could not be created, which was said then. */
export async function createHello({ useCases, say, signal }: HelloDoors): Promise<InstanceView | null> {
  try {
    const reply = await useCases.create(DEFINITION, callerOf(signal));
    return reply.body as InstanceView;
  } catch (error) {
    if (!(error instanceof StatevisorError)) throw error;
    say(`${HELLO} was not created: ${error.message}`);
    return null;
  }
}

/** Follows the boot to its end, and says how it went. */
export async function followBoot(doors: HelloDoors): Promise<void> {
  const { useCases, clock, say, progress, signal } = doors;
  const caller = callerOf(signal);
  const begun = clock.monotonic();
  const elapsed = (): number => clock.monotonic() - begun;
  say(`${HELLO} is booting...`);
  while (!signal.aborted && elapsed() < FOLLOW_MAX_MS) {
    progress.show(`${HELLO}: booting, ${Math.round(elapsed() / MS_PER_SECOND)} s`);
    const { body } = await useCases.wait({ id: HELLO, state: 'Running', timeout: LOOK_EVERY }, caller);
    const { state } = body as { state: InstanceView['state'] };
    if (state === 'Running' || !BOOTING.includes(state)) break;
  }
  progress.clear();
  if (signal.aborted) return;
  const view = (await useCases.get({ id: HELLO }, caller)).body as InstanceView;
  if (view.state === 'Running') say(`${HELLO} is Running after ${(elapsed() / MS_PER_SECOND).toFixed(1)} s.`);
  else say(`${HELLO} is ${view.state}${view.state_error === null ? '' : `: ${view.state_error}`}`);
}

const BOOTING: readonly InstanceView['state'][] = ['Created', 'Initializing'];

function callerOf(signal: AbortSignal): Caller {
  return { actor: 'start', via: 'system', scopes: ['operate', 'read'], signal };
}
