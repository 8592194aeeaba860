import { StatevisorError } from '../../actors/errors.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { checked } from '../requests/checked.ts';
import { getRequest, listRequest, parseWait } from '../requests/target.ts';
import { caughtUp } from './caught-up.ts';
import type { Reply, UseCaseOptions, UseCases } from './contract.ts';
import { isAtRest } from './outcomes.ts';
import type { Sight, Waiting } from './waiting.ts';

/** The use cases that only look. */
export function readUseCases(options: UseCaseOptions, waiting: Waiting): Pick<UseCases, 'get' | 'list' | 'wait'> {
  const { supervisor, instances } = options;

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
      return answer(view, view.version);
    },
    list: async (input, caller) => {
      const { limit, after, state, min_position } = checked(listRequest, input);
      await caughtUp(options, waiting, min_position, caller);
      const wanted = instances
        .list()
        .filter((view) => view.id > after && (state === undefined || view.state === state));
      const page = wanted.slice(0, limit);
      return answer({ instances: page, next: wanted.length > limit ? (page.at(-1)?.id ?? null) : null }, null);
    },
    wait: async (input, caller) => {
      const { id: text, state, timeoutMs } = parseWait(input);
      const { id } = present(text);
      const judge = (sight: Sight): Sight | null => {
        return sight.deleted || sight.view.state === state || isAtRest(sight.view) ? sight : null;
      };
      const seen = await waiting.instance(id, timeoutMs, judge, caller.signal);
      if (seen?.deleted === true) throw new StatevisorError('not_found', `The instance ${text} was deleted meanwhile.`);
      const view = seen?.view ?? present(text);
      return answer({ state: view.state, state_error: view.state_error, timed_out: seen === null }, view.version);
    },
  };
}
