import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import { BODY_MAX_BYTES, bodyOf, callerOf, correlationOf } from '../incoming.ts';
import { type GatewayLogger, refusalOf } from '../refusals.ts';
import { createTokens, type TokenGrant } from '../tokens.ts';
import type { Caller, HostUseCases, UseCases } from '../use-cases/contract.ts';
import { listText } from '../use-cases/readings.ts';
import type { StreamUseCases } from '../use-cases/streams.ts';
import { verbNamed } from '../use-cases/use-cases.ts';
import { compatibleRoutes } from './compatible-routes.ts';
import { hostRoutes } from './host-routes.ts';
import { addMetricsRoute, type MetricsText } from './metrics-route.ts';
import { addOpenFiles, type OpenFiles, openPaths } from './open-files.ts';
import { answerClientError, asRefusal } from './protocol-errors.ts';
import { pulledStream } from './pulled-stream.ts';
import { type HttpAnswer, type HttpRoute, ownRoutes } from './routes.ts';
import { streamRoutes } from './stream-routes.ts';
import { UnderWay } from './under-way.ts';

/** A request has to have come in whole within this time. */
export const REQUEST_TIMEOUT_MS = 30_000;
export const KEEP_ALIVE_TIMEOUT_MS = 65_000;
/** Open connections; further ones are turned away. */
export const CONNECTIONS_MAX = 4_096;
/** Characters of one path segment. */
const SEGMENT_MAX = 256;

export interface HttpGatewayOptions {
  readonly useCases: UseCases;
  /** Without them there are no paths about the host. */
  readonly hostUseCases?: HostUseCases;
  /** Without them, or without those about the host, there is no feed and no log to follow. */
  readonly streams?: StreamUseCases;
  /** Without them there is no path for metrics. */
  readonly metrics?: MetricsText;
  /** Read by anybody; without them there are none. */
  readonly files?: OpenFiles;
  readonly tokens: readonly TokenGrant[];
  /** Port 0 takes any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly random: Random;
  /** Hears of failures that are nobody's input: they are shown to callers only by their correlation id. */
  readonly logger?: GatewayLogger;
}

export interface HttpGateway {
  /** `http://HOST:PORT` as really bound. */
  readonly url: string;
  /** Answers what is under way, takes nothing more, and ends open connections. Idempotent. */
  close(): Promise<void>;
}

/** The HTTP door: our own paths under /v1/instances, hypeman's under /instances, and /healthz. */
export async function createHttpGateway(options: HttpGatewayOptions): Promise<HttpGateway> {
  const server = buildHttpServer(options);
  const url = await server.listen(options.listen);
  server.server.maxConnections = CONNECTIONS_MAX;
  let closing: Promise<void> | null = null;
  return {
    url,
    close: () => {
      closing ??= server.close();
      return closing;
    },
  };
}

/** The server before it listens. */
export function buildHttpServer(options: HttpGatewayOptions): FastifyInstance {
  const { useCases, hostUseCases, streams, metrics, files, tokens, clock, random, logger } = options;
  const known = createTokens(tokens);
  const callers = new WeakMap<FastifyRequest, Caller>();
  const underWay = new UnderWay();
  const open = new Set([HEALTH_PATH, ...(files === undefined ? [] : openPaths(files))]);
  const server = fastify({
    bodyLimit: BODY_MAX_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: SEGMENT_MAX },
    genReqId: ({ headers }) => correlationOf(single(headers['x-request-id']), random),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void refuse(error, request, reply),
  });

  function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { status, body } = refusalOf(asRefusal(error), request.id, logger);
    const how = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
    return reply
      .code(status)
      .headers({ 'x-request-id': request.id, ...how })
      .send(body);
  }

  server.addHook('onRequest', async (request, reply) => {
    if (open.has(request.routeOptions.url ?? '')) return;
    const { authorization, 'idempotency-key': key, traceparent } = request.headers;
    const incoming = { authorization, commandId: single(key), traceparent: single(traceparent) };
    const signal = underWay.begin(reply);
    callers.set(request, callerOf(incoming, { tokens: known, via: 'http', correlation: request.id, signal }));
  });
  server.addHook('preClose', () => underWay.finish(clock));
  server.addHook('onResponse', async (request, reply) => logger?.debug?.(aboutRequest(request, reply), 'Answered.'));
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, async (_: FastifyRequest, bytes: Buffer) =>
    bodyOf(bytes),
  );
  server.setErrorHandler(refuse);
  server.setNotFoundHandler(async () => verbNamed(''));
  server.get(HEALTH_PATH, async () => ({ status: 'ok' }));
  if (files !== undefined) addOpenFiles(server, files);
  if (metrics !== undefined) addMetricsRoute(server, metrics, (request) => callers.get(request)!);
  const aboutHost = hostUseCases === undefined ? [] : hostRoutes(hostUseCases);
  const goingOn =
    streams === undefined || hostUseCases === undefined ? [] : streamRoutes({ streams, useCases, hostUseCases });
  for (const route of [...ownRoutes(useCases), ...compatibleRoutes(useCases), ...aboutHost, ...goingOn]) {
    server.route({ method: route.method, url: route.path, handler: (request, reply) => serve(route, request, reply) });
  }

  async function serve({ answer }: HttpRoute, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const answered = await answer(request, callers.get(request)!);
    if (!('chunks' in answered)) return send(answered, request, reply);
    const lines = { 'x-request-id': request.id, 'content-type': answered.contentType, ...STREAM_HEADERS };
    return reply.headers(lines).send(pulledStream(answered.chunks, clock));
  }
  return server;
}

const HEALTH_PATH = '/healthz';
/** Nothing on the way may keep or collect what is sent bit by bit. */
const STREAM_HEADERS = { 'cache-control': 'no-store', 'x-accel-buffering': 'no' };

function send(answer: HttpAnswer, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, body, host, position, version, outcome } = answer;
  const lines = {
    'x-request-id': request.id,
    'statevisor-host': host,
    'statevisor-position': position,
    ...(version === null ? {} : { 'statevisor-version': version }),
    ...(outcome === undefined ? {} : { 'statevisor-outcome': outcome }),
  };
  const started = reply.code(status).headers(lines);
  const text = answer.text ?? listText(answer);
  if (text !== undefined) return started.type('application/json; charset=utf-8').send(text);
  return body === null ? started.send() : started.send(body);
}

/** What the daemon's log tells of a request: nothing of what it holds but the names in its path. */
function aboutRequest(request: FastifyRequest, { statusCode, elapsedTime }: FastifyReply): Record<string, unknown> {
  const { method, routeOptions, params, id } = request;
  const { id: instance } = params as { id?: string };
  const ms = Math.round(elapsedTime);
  return { via: 'http', method, path: routeOptions.url ?? null, instance, status: statusCode, ms, correlation: id };
}

function single(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0];
}
