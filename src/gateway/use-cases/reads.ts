import type { InstanceRecord } from '../../../machines/record.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { type InstanceView, toRfc3339 } from '../../projections/instance-view.ts';
import { checked } from '../requests/checked.ts';
import { getRequest, historyRequest, listRequest, parseWait } from '../requests/target.ts';
import type { Caller, Reply, UseCaseOptions, UseCases } from './contract.ts';
import { isAtRest } from './outcomes.ts';
import type { Sight, Waiting } from './waiting.ts';

/** How long a read waits for the position its caller has already seen. */
export const MIN_POSITION_WAIT_MS = 5_000;
/** Streams of instances outlive them: their history is still told under the whole id. */
const WHOLE_ID = /^[0-9a-z]{26}$/;

/** The use cases that only look. */
export function readUseCases(
  options: UseCaseOptions,
  waiting: Waiting,
): Pick<UseCases, 'get' | 'list' | 'wait' | 'history'> {
  const { supervisor, instances } = options;

  const answer = (body: unknown, version: number | null): Reply => {
    return { status: 200, body, position: instances.position(), version, host: options.host };
  };

  async function caughtUp(position: string | undefined, { signal }: Caller): Promise<void> {
    if (position === undefined || (await waiting.position(position, MIN_POSITION_WAIT_MS, signal))) return;
    const message = `min_position ${position} has not been reached here; the newest is ${instances.position()}.`;
    throw new StatevisorError('busy', message, { field: 'min_position' });
  }

  function present(text: string): InstanceView {
    const view = instances.get(supervisor.resolve(text));
    if (view === undefined) throw new StatevisorError('not_found', `There is no instance ${text}.`);
    return view;
  }

  function streamOf(text: string): string {
    try {
      return supervisor.resolve(text);
    } catch (error) {
      if (WHOLE_ID.test(text)) return text;
      throw error;
    }
  }

  return {
    get: async (input, caller) => {
      const { id, min_position } = checked(getRequest, input);
      await caughtUp(min_position, caller);
      const view = present(id);
      return answer(view, view.version);
    },
    list: async (input, caller) => {
      const { limit, after, state, min_position } = checked(listRequest, input);
      await caughtUp(min_position, caller);
      const wanted = instances
        .list()
        .filter((view) => view.id > after && (state === undefined || view.state === state));
      const page = wanted.slice(0, limit);
      return answer({ instances: page, next: wanted.length > limit ? (page.at(-1)?.id ?? null) : null }, null);
    },
    history: async (input, caller) => {
      const { id, from, limit, min_position } = checked(historyRequest, input);
      await caughtUp(min_position, caller);
      const stream = streamOf(id);
      const records = await supervisor.history(stream, from, limit + 1);
      if (records.length === 0 && from === 1) throw new StatevisorError('not_found', `There is no instance ${id}.`);
      const next = records.length > limit ? (records[limit]?.version ?? null) : null;
      return answer({ records: records.slice(0, limit).map(timed), next }, null);
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

/** A record as it is stored; `time` says its `at` (epoch ms) for people. */
function timed(record: InstanceRecord): InstanceRecord & { readonly time: string } {
  return { ...record, time: toRfc3339(record.at) };
}
