import type { HostUseCases } from '../use-cases/contract.ts';
import { type HttpRoute, inputOf } from './routes.ts';

/** Paths about the host as a whole. */
export function hostRoutes(useCases: HostUseCases): HttpRoute[] {
  return [
    { method: 'GET', path: '/v1/host', answer: (request, caller) => useCases.status(inputOf(request), caller) },
    { method: 'GET', path: '/v1/chart', answer: (request, caller) => useCases.chart(inputOf(request), caller) },
    {
      method: 'POST',
      path: '/v1/host/projections/:projection/rebuild',
      answer: (request, caller) => useCases.rebuild(inputOf(request), caller),
    },
    { method: 'POST', path: '/v1/host/mode', answer: (request, caller) => useCases.mode(inputOf(request), caller) },
  ];
}
