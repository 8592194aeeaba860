import type { FastifyInstance, FastifyRequest } from 'fastify';
import { StatevisorError } from '../../actors/errors.ts';
import type { Caller, Scope } from '../use-cases/contract.ts';

/** Text in the format of Prometheus, and its content type. */
export interface MetricsText {
  text(): Promise<string>;
  readonly contentType: string;
}

const METRICS_PATH = '/metrics';
const METRICS_SCOPE: Scope = 'read';

export function addMetricsRoute(
  server: FastifyInstance,
  metrics: MetricsText,
  callerOf: (request: FastifyRequest) => Caller,
): void {
  server.get(METRICS_PATH, async (request, reply) => {
    if (!callerOf(request).scopes.includes(METRICS_SCOPE)) {
      throw new StatevisorError('forbidden', `metrics needs a token with the scope ${METRICS_SCOPE}.`, {
        details: { scope: METRICS_SCOPE },
      });
    }
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}
