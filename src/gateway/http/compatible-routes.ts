import type { FastifyRequest } from 'fastify';
import { formatDuration } from '../../../machines/duration.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { LIST_LIMIT_MAX } from '../requests/target.ts';
import type { Caller, UseCases, Verb } from '../use-cases/contract.ts';
import { COMPATIBLE_WAIT_MS, requireReached, settledInput } from './compatible-answers.ts';
import { compatibleSnapshotRoutes } from './compatible-snapshots.ts';
import { type HttpAnswer, type HttpRoute, inputOf } from './routes.ts';

/** The paths that hypeman's own client uses: they wait for the outcome, and have no page of a list. */

/** More instances than one host holds. */
export const COMPATIBLE_LIST_MAX = 10_000;

const ONE = '/instances/:id';

export function compatibleRoutes(useCases: UseCases): HttpRoute[] {
  const settled =
    (verb: Verb) =>
    async (request: FastifyRequest, caller: Caller): Promise<HttpAnswer> => {
      const given = settledInput(inputOf(request));
      const reply = await useCases[verb]({ ...given, wait: formatDuration(COMPATIBLE_WAIT_MS) }, caller);
      return verb === 'create' ? reply : { ...requireReached(verb, reply), status: 200 };
    };
  const command = (verb: 'start' | 'stop' | 'standby' | 'restore'): HttpRoute => {
    return { method: 'POST', path: `${ONE}/${verb}`, answer: settled(verb) };
  };
  return [
    { method: 'POST', path: '/instances', answer: settled('create') },
    { method: 'GET', path: '/instances', answer: (request, caller) => listAll(useCases, inputOf(request), caller) },
    { method: 'GET', path: ONE, answer: (request, caller) => useCases.get(inputOf(request), caller) },
    { method: 'PATCH', path: ONE, answer: settled('update') },
    {
      method: 'DELETE',
      path: ONE,
      answer: async (request, caller) => ({ ...(await settled('delete')(request, caller)), status: 204, body: null }),
    },
    { method: 'GET', path: `${ONE}/wait`, answer: (request, caller) => useCases.wait(inputOf(request), caller) },
    ...(['start', 'stop', 'standby', 'restore'] as const).map(command),
    {
      method: 'GET',
      path: `${ONE}/auto-standby/status`,
      answer: (request, caller) => useCases.auto_standby_status(inputOf(request), caller),
    },
    {
      method: 'POST',
      path: `${ONE}/auto-standby/hold`,
      answer: (request, caller) => useCases.hold(inputOf(request), caller),
    },
    ...compatibleSnapshotRoutes(useCases),
  ];
}

/** There are no pages on this path, so nobody may ask for one. */
const PAGE_FIELDS = ['limit', 'after'] as const;

async function listAll(
  useCases: UseCases,
  input: Readonly<Record<string, unknown>>,
  caller: Caller,
): Promise<HttpAnswer> {
  const field = PAGE_FIELDS.find((name) => Object.hasOwn(input, name));
  if (field !== undefined) {
    throw new StatevisorError('invalid_request', `${field} is not a field that is known here.`, { field });
  }
  let text = '';
  for (let [after, pages] = ['', 0]; ; ) {
    const reply = await useCases.list({ ...input, limit: LIST_LIMIT_MAX, after }, caller);
    const { next } = reply.body as { next: string | null };
    text += (text === '' ? '' : ',') + (reply.itemsText?.() ?? '');
    pages += 1;
    if (next === null || pages * LIST_LIMIT_MAX >= COMPATIBLE_LIST_MAX) return { ...reply, text: `[${text}]` };
    after = next;
  }
}
