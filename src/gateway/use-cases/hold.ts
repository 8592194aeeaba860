import { parseDuration } from '../../../machines/duration.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { Acceptance } from '../../actors/supervisor.ts';
import { checked } from '../requests/checked.ts';
import { holdRequest } from '../requests/target.ts';
import type { CommandSender } from './command-sender.ts';
import type { Reply, UseCase, UseCaseOptions } from './contract.ts';
import { presentReport, type StandbyReport, standbyReport } from './standby-status.ts';

export interface HoldUseCase {
  readonly place: UseCase;
  /** The answer to a hold that was accepted before. */
  readonly answer: (acceptance: Acceptance) => Promise<Reply>;
}

/**
 * Keeps an instance awake until an instant; the last word wins. Who holds means to connect next, so what it is told is the
 * truth: awake until then, or, where there is nothing to hold, how things stand. Past the point of no return it is refused.
 */
export function holdUseCase(options: UseCaseOptions, sender: CommandSender): HoldUseCase {
  const { supervisor, instances, clock, host } = options;

  const answer = async ({ id, record, definition, position }: Acceptance): Promise<Reply> => {
    const snapshot = { value: record.state.value, context: { ...record.state.context, definition } };
    return { status: 200, body: standbyReport(options, id, snapshot), position, version: record.version, host };
  };
  const unheld = (id: string, body: StandbyReport): Reply => {
    return { status: 200, body, position: instances.position(), version: instances.get(id)?.version ?? null, host };
  };

  return {
    answer,
    place: async (input, caller) => {
      const given = checked(holdRequest, input);
      if (given.for !== undefined && given.until !== undefined) {
        throw new StatevisorError('invalid_request', 'for and until exclude each other; give one.', { field: 'for' });
      }
      const now = clock.now();
      if (given.until !== undefined && given.until <= now) {
        throw new StatevisorError('invalid_request', 'until must be in the future.', { field: 'until' });
      }
      const id = supervisor.resolve(given.id);
      const before = await presentReport(options, id);
      const until = given.until ?? untilBy(before, given.for, now);
      if (until === null) return unheld(id, before);
      const request = { verb: 'hold', id, waitMs: null, input, caller } as const;
      try {
        return await sender.sendAnd(request, { type: 'hold', by: caller.actor, until }, answer);
      } catch (error) {
        if (!(error instanceof StatevisorError) || error.code !== 'invalid_state') throw error;
        return unheld(id, await presentReport(options, id));
      }
    },
  };
}

/** As long as the policy waits for, when the caller does not say; null when no policy would put the instance to sleep. */
function untilBy(
  { status, reason, idle_timeout, requested_by }: StandbyReport,
  given: number | undefined,
  now: number,
): number | null {
  if (given !== undefined) return now + given;
  // What does not run is left to the chart: it knows whether the instance sleeps, or may still be kept from it.
  const mayBeHeld = status !== 'ineligible' || reason === 'instance_not_running';
  const length = parseDuration(idle_timeout ?? '');
  if (status !== 'unsupported' && status !== 'disabled' && mayBeHeld && length !== null) return now + length;
  // Nothing would put it to sleep, but somebody has: that it is too late is for the chart to say.
  return requested_by === null ? null : now;
}
