import type { FastifyRequest } from 'fastify';
import type { FeedItem } from '../../projections/feed/record-feed.ts';
import { refusalOf } from '../refusals.ts';
import type { Caller, HostUseCases, UseCases } from '../use-cases/contract.ts';
import type { LogView } from '../use-cases/logs.ts';
import type { LogItem, StreamUseCases } from '../use-cases/streams.ts';
import { type HttpAnswer, type HttpRoute, inputOf, type StreamedAnswer } from './routes.ts';
import { acceptedForm, SSE_TYPE, sseText } from './sse.ts';

/** Paths whose answer may go on: the feed of records, and the logs of an instance. */

type Fields = Readonly<Record<string, unknown>>;

const TEXT_TYPE = 'text/plain; charset=utf-8';
const SSE_FORM = ['sse', 'text/event-stream'] as const;
const JSON_FORM = ['json', 'application/json'] as const;
const TEXT_FORM = ['text', 'text/plain'] as const;

export interface StreamRoutesOptions {
  readonly streams: StreamUseCases;
  readonly useCases: Pick<UseCases, 'logs'>;
  readonly hostUseCases: Pick<HostUseCases, 'events'>;
}

export function streamRoutes(options: StreamRoutesOptions): HttpRoute[] {
  return [
    { method: 'GET', path: '/v1/events', answer: (request, caller) => events(options, request, caller) },
    { method: 'GET', path: '/v1/instances/:id/logs', answer: (request, caller) => logs(options, request, caller) },
    {
      method: 'GET',
      path: '/instances/:id/logs',
      answer: (request, caller) => compatibleLogs(options, request, caller),
    },
  ];
}

async function events(
  { streams, hostUseCases }: StreamRoutesOptions,
  request: FastifyRequest,
  caller: Caller,
): Promise<HttpAnswer | StreamedAnswer> {
  const input = inputOf(request);
  const form = acceptedForm(request.headers.accept, [SSE_FORM, JSON_FORM]);
  if (form === 'json') return hostUseCases.events(input, caller);
  // A reader that reconnects repeats the address it began with, and says beside it how far it has come.
  const last = lastEventId(request);
  const items = await streams.events(last === undefined ? input : { ...input, after: last }, caller);
  return { contentType: SSE_TYPE, chunks: sse(items, eventText, request, caller) };
}

function eventText(item: FeedItem): string {
  if (item.kind === 'alive') return sseText({ comment: 'alive', id: item.cursor });
  const { position, types, json } = item.record;
  return sseText({ id: position, event: types[0], data: json });
}

async function logs(
  { streams, useCases }: StreamRoutesOptions,
  request: FastifyRequest,
  caller: Caller,
): Promise<HttpAnswer | StreamedAnswer> {
  const { follow = 'false', ...input } = inputOf(request) as Fields & { follow?: unknown };
  const form = acceptedForm(request.headers.accept, [TEXT_FORM, SSE_FORM, JSON_FORM]);
  if (form === 'json') return useCases.logs(inputOf(request), caller);
  if (form === 'text') {
    const items = await streams.logs({ ...input, follow }, caller);
    return { contentType: TEXT_TYPE, chunks: texts(items) };
  }
  const last = lastEventId(request);
  const items = await streams.logs({ ...input, follow, ...(last === undefined ? {} : { resume: last }) }, caller);
  return { contentType: SSE_TYPE, chunks: sse(items, logText, request, caller) };
}

function logText(item: LogItem): string {
  if (item.kind === 'alive') return sseText({ comment: 'alive' });
  return sseText({ id: resumeOf(item.view), data: JSON.stringify(item.view) });
}

function resumeOf({ run, next }: LogView): string {
  return `${run}:${next}`;
}

async function* texts(items: AsyncGenerator<LogItem, void>): AsyncGenerator<string, void> {
  for await (const item of items) if (item.kind === 'text' && item.view.text !== '') yield item.view.text;
}

/** What hypeman's client calls the three logs. */
const COMPATIBLE_SOURCES: Readonly<Record<string, string>> = { app: 'console', vmm: 'vmm', hypeman: 'operations' };

/** Each line is one message, a JSON text; `follow` goes on. */
async function compatibleLogs(
  { streams }: StreamRoutesOptions,
  request: FastifyRequest,
  caller: Caller,
): Promise<StreamedAnswer> {
  const { follow = 'false', source = 'app', ...input } = inputOf(request) as Fields & { source?: unknown };
  const own = COMPATIBLE_SOURCES[String(source)];
  // Anything else is refused with the words of our own path.
  const items = await streams.logs({ ...input, follow, source: own ?? source }, caller);
  return { contentType: SSE_TYPE, chunks: lines(items) };
}

/** Characters of a line whose end is awaited; a longer one is told in several, for a guest may never end it. */
export const OPEN_LINE_MAX = 65_536;

/** That client takes every message for a line, so nothing else is said. */
async function* lines(items: AsyncGenerator<LogItem, void>): AsyncGenerator<string, void> {
  let rest = '';
  for await (const item of items) {
    if (item.kind === 'alive') {
      yield sseText({ comment: 'alive' });
      continue;
    }
    const parts = (rest + item.view.text).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > OPEN_LINE_MAX) [parts[parts.length], rest] = [rest, ''];
    for (const line of parts) yield sseText({ data: JSON.stringify(line) });
  }
  if (rest !== '') yield sseText({ data: JSON.stringify(rest) });
}

/** What fails after the answer has begun is told as its last message: a status cannot be sent any more. */
async function* sse<T>(
  items: AsyncGenerator<T, void>,
  textOf: (item: T) => string,
  { id }: FastifyRequest,
  { signal }: Caller,
): AsyncGenerator<string, void> {
  try {
    for await (const item of items) yield textOf(item);
    // Without it a reader could not tell that there is no more from a daemon that stopped.
    if (signal?.aborted !== true) yield sseText({ event: 'end', data: '{}' });
  } catch (error) {
    yield sseText({ event: 'error', data: JSON.stringify(refusalOf(error, id).body) });
  }
}

function lastEventId(request: FastifyRequest): string | undefined {
  const given = request.headers['last-event-id'];
  return typeof given === 'string' && given !== '' ? given : undefined;
}
