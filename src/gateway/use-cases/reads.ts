import { hasComeToRest } from '../../../machines/public-states.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import type { TimelineEntry } from '../../projections/timeline.ts';
import { checked } from '../requests/checked.ts';
import { getRequest, listRequest, parseWait, timelineRequest } from '../requests/target.ts';
import { caughtUp } from './caught-up.ts';
import type { Reply, UseCaseOptions, UseCases } from './contract.ts';
import { createReadings } from './readings.ts';
import type { Sight, Waiting } from './waiting.ts';

/** The use cases that only look. */
export function readUseCases(
  options: UseCaseOptions,
  waiting: Waiting,
): Pick<UseCases, 'get' | 'list' | 'wait' | 'timeline'> {
  const { supervisor, instances, timeline } = options;
  const readings = createReadings(options);

  const answer = (body: unknown, version: number | null): Reply => {
    return { status: 200, body, position: instances.position(), version, host: options.host };
  };

  function present(text: string): InstanceView {
    const view = instances.get(supervisor.resolve(text));
    if (view === undefined) throw new StatevisorError('not_found', `There is no instance ${text}.`);
    return view;
  }

  return {
    get: async (input, caller) => {
      const { id, min_position } = checked(getRequest, input);
      await caughtUp(options, waiting, min_position, caller);
      const view = present(id);
      return answer(await readings.whole(view), view.version);
    },
    list: async (input, caller) => {
      const { limit, after, state, wakefulness, min_position } = checked(listRequest, input);
      await caughtUp(options, waiting, min_position, caller);
      const { views, more } = instances.page({ after, limit, ...(state === undefined ? {} : { state }) });
      const next = more ? (views.at(-1)?.id ?? null) : null;
      if (wakefulness) return answer({ instances: views.map(readings.accounted), next }, null);
      return { ...answer(readings.page(views, next), null), itemsText: () => readings.text(views) };
    },
    timeline: async (input, caller) => {
      const { id, min_position } = checked(timelineRequest, input);
      await caughtUp(options, waiting, min_position, caller);
      const view = present(id);
      const { entries, shortened } = timeline?.of(view.id) ?? { entries: [], shortened: false };
      return answer({ entries: entries.map(told), shortened, complete: timeline?.complete() ?? false }, view.version);
    },
    wait: async (input, caller) => {
      const { id: text, state, timeoutMs } = parseWait(input);
      const { id } = present(text);
      const judge = (sight: Sight): Sight | null => {
        return sight.deleted || sight.view.state === state || hasComeToRest(sight.view.phase) ? sight : null;
      };
      const seen = await waiting.state(id, timeoutMs, judge, caller.signal);
      if (seen?.deleted === true) throw new StatevisorError('not_found', `The instance ${text} was deleted meanwhile.`);
      const view = seen?.view ?? present(text);
      return answer({ state: view.state, state_error: view.state_error, timed_out: seen === null }, view.version);
    },
  };
}

/** A phase with its times for people. */
function told({ since, until, ...entry }: TimelineEntry): unknown {
  return { ...entry, since: toRfc3339(since), until: until === null ? null : toRfc3339(until) };
}
