import type { FastifyRequest } from 'fastify';
import { StatevisorError } from '../../actors/errors.ts';
import type { Caller, Reply, UseCases, Verb } from '../use-cases/contract.ts';
import { verbNamed } from '../use-cases/use-cases.ts';

/** What one path answers; a `body` of null is left out. */
export interface HttpAnswer extends Omit<Reply, 'status'> {
  readonly status: number;
  /** The body as JSON where that is at hand; `body` is then not looked at. */
  readonly text?: string;
}

/** An answer that may go on until its reader leaves. */
export interface StreamedAnswer {
  readonly contentType: string;
  readonly chunks: AsyncGenerator<string, void>;
}

export interface HttpRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly answer: (request: FastifyRequest, caller: Caller) => Promise<HttpAnswer | StreamedAnswer>;
}

/** Verbs that are a POST on one instance. */
const POSTED: readonly Verb[] = ['start', 'stop', 'restart', 'standby', 'restore', 'hold', 'ignore', 'fork'];

const ALL = '/v1/instances';
const ONE = '/v1/instances/:id';

/** Our own paths: commands are answered at acceptance, or with the outcome when `wait` is given. */
export function ownRoutes(useCases: UseCases): HttpRoute[] {
  const route = (method: HttpRoute['method'], path: string, verb: Verb): HttpRoute => {
    return { method, path, answer: (request, caller) => useCases[verb](inputOf(request), caller) };
  };
  return [
    route('POST', ALL, 'create'),
    route('GET', ALL, 'list'),
    route('GET', ONE, 'get'),
    route('PATCH', ONE, 'update'),
    route('DELETE', ONE, 'delete'),
    route('GET', `${ONE}/wait`, 'wait'),
    route('GET', `${ONE}/history`, 'history'),
    route('GET', `${ONE}/timeline`, 'timeline'),
    route('GET', `${ONE}/auto-standby/status`, 'auto_standby_status'),
    route('GET', `${ONE}/snapshots`, 'list_snapshots'),
    route('POST', `${ONE}/snapshots`, 'create_snapshot'),
    route('DELETE', `${ONE}/snapshots/:name`, 'delete_snapshot'),
    route('POST', `${ONE}/snapshots/:name/restore`, 'restore_snapshot'),
    route('POST', `${ONE}/restart/cancel`, 'cancel_restart'),
    route('POST', `${ONE}/restart/reset`, 'reset_restart'),
    {
      method: 'POST',
      path: `${ONE}/:verb`,
      answer: (request, caller) => {
        const { id, verb } = request.params as { id: string; verb: string };
        const posted = verbNamed(POSTED.some((known) => known === verb) ? verb : '');
        return useCases[posted](inputOf(request, { id }), caller);
      },
    },
  ];
}

/** Path, query and body together; what stands in two of them is refused, because nobody can tell which was meant. */
export function inputOf(
  request: FastifyRequest,
  params = request.params as Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const query = request.query as Readonly<Record<string, unknown>>;
  const body = (request.body ?? {}) as Readonly<Record<string, unknown>>;
  const twice = Object.keys(body).find((field) => Object.hasOwn(params, field) || Object.hasOwn(query, field));
  const hidden = Object.keys(query).find((field) => Object.hasOwn(params, field));
  const field = twice ?? hidden;
  if (field !== undefined) {
    const message = `${field} is given twice; the path, the query and the body exclude each other.`;
    throw new StatevisorError('invalid_request', message, { field });
  }
  return { ...query, ...body, ...params };
}
