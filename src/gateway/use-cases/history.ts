import { StatevisorError } from '../../actors/errors.ts';
import { historyPage } from '../../projections/feed/stream-history.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import { checked } from '../requests/checked.ts';
import { historyRequest, momentAt } from '../requests/records.ts';
import { caughtUp } from './caught-up.ts';
import type { UseCase, UseCaseOptions } from './contract.ts';
import { streamNamed } from './stream-named.ts';
import type { Waiting } from './waiting.ts';

/**
 * The records of one instance as they are stored. Beside each stand `time`, its `at` for people, and `outcomes`, how the
 * effects it asked for have ended.
 */
export function historyUseCase(options: UseCaseOptions, waiting: Waiting): UseCase {
  const { supervisor, instances, log, clock, host } = options;
  return async (input, caller) => {
    const { id, min_position, order, from, limit, since, until, ...rest } = checked(historyRequest, input);
    await caughtUp(options, waiting, min_position, caller);
    const now = clock.now();
    const filter = { ...rest, since: momentAt(since, now), until: momentAt(until, now) };
    const page = await historyPage(log, { stream: streamNamed(supervisor, id), order, from, limit, filter });
    if (page === null) throw new StatevisorError('not_found', `There is no instance ${id}.`);
    const records = page.records.map((record) => {
      return { ...record, time: toRfc3339(record.at), outcomes: page.outcomes(record.version) };
    });
    const body = { records, next: page.next, first_version: page.firstVersion };
    return { status: 200, body, position: instances.position(), version: null, host };
  };
}
