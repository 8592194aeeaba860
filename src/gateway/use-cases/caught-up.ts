import { StatevisorError } from '../../actors/errors.ts';
import type { Caller, UseCaseOptions } from './contract.ts';
import type { Waiting } from './waiting.ts';

/** How long a read waits for the position its caller has already seen. */
export const MIN_POSITION_WAIT_MS = 5_000;

/** Resolves once the read model has taken in what the caller has seen; refuses as `busy` when it has not in time. */
export async function caughtUp(
  { instances }: Pick<UseCaseOptions, 'instances'>,
  waiting: Waiting,
  position: string | undefined,
  { signal }: Caller,
): Promise<void> {
  if (position === undefined || (await waiting.position(position, MIN_POSITION_WAIT_MS, signal))) return;
  const message = `min_position ${position} has not been reached here; the newest is ${instances.position()}.`;
  throw new StatevisorError('busy', message, { field: 'min_position' });
}
