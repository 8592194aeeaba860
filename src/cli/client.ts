import { readFileSync } from 'node:fs';
import { type ReceivedMessage, sseMessages } from '../gateway/http/sse-messages.ts';
import { dataOfDaemon } from './config/data-of-daemon.ts';
import { dataDirectory, isServed, readEndpoints } from './data-directory.ts';

/** The CLI's way to a daemon: the one in the data directory, or the one the environment names. */

export interface Client {
  readonly url: string;
  /** What may open the daemon's doors: to be handed on to nobody but the user. */
  readonly token: string;
  /** Throws CliError with the daemon's own words when it refuses. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
  /**
   * The messages of a stream after the one with that id ('' for none), from wherever the daemon is by now. Ends when the
   * daemon says that there will be no more; a stream that breaks off throws CliError `stream_lost`.
   */
  stream(path: string, lastId: string): AsyncGenerator<ReceivedMessage, void>;
}

/** A failure the user can do something about; printed without a stack. */
export class CliError extends Error {
  readonly code: string;
  /** The field of the request that the daemon refused, if it named one. */
  readonly field: string | null;

  constructor(code: string, message: string, cause?: unknown, field: string | null = null) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CliError';
    this.code = code;
    this.field = field;
  }
}

export function connectClient(data: string | undefined): Client {
  const { url, token } = findDaemon(data);
  return {
    url,
    token,
    call: (method, path, body) => send(new URL(path, url), token, method, body),
    stream: (path, lastId) => streamFrom(findDaemon(data), path, lastId),
  };
}

async function* streamFrom(
  { url, token }: { readonly url: string; readonly token: string },
  path: string,
  lastId: string,
): AsyncGenerator<ReceivedMessage, void> {
  const resume: Record<string, string> = lastId === '' ? {} : { 'last-event-id': lastId };
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...resume };
  const response = await reach(new URL(path, url), { headers });
  if (!response.ok || response.body === null) throw refusalFrom(response, await response.text());
  try {
    for await (const message of sseMessages(response.body)) {
      if (message.event === STREAM_END) return;
      yield message;
    }
  } catch (error) {
    throw new CliError('stream_lost', 'The stream broke off.', error);
  }
  throw new CliError('stream_lost', 'The stream broke off.');
}

/** The message with which the daemon says that a stream is complete. */
const STREAM_END = 'end';

function findDaemon(data: string | undefined): { url: string; token: string } {
  const { STATEVISOR_URL: url, STATEVISOR_TOKEN: token } = process.env;
  if (data === undefined && url !== undefined) {
    if (token === undefined) throw new CliError('no_token', 'STATEVISOR_URL is set but STATEVISOR_TOKEN is not.');
    return { url, token };
  }
  const directory = dataDirectory(dataOfDaemon(data));
  const endpoints = readEndpoints(directory);
  if (endpoints === null) {
    throw new CliError('no_daemon', `No daemon serves ${directory.path}. Start one with \`npm start\`.`);
  }
  if (!isServed(endpoints)) {
    const message = `The daemon (pid ${endpoints.pid}) has ended without saying so. Start it again with \`npm start\`.`;
    throw new CliError('no_daemon', message);
  }
  return { url: endpoints.http, token: readFileSync(endpoints.token_file, 'utf8').trim() };
}

async function send(url: URL, token: string, method: string, body: unknown): Promise<unknown> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await reach(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw refusalFrom(response, text);
  return text === '' ? null : JSON.parse(text);
}

async function reach(url: URL, how: RequestInit): Promise<Response> {
  try {
    return await fetch(url, how);
  } catch (error) {
    throw new CliError('unreachable', `The daemon at ${url.origin} does not answer.`, error);
  }
}

function refusalFrom({ status, statusText }: Response, text: string): CliError {
  const refusal = (text === '' ? null : JSON.parse(text)) as { code?: string; message?: string; field?: string } | null;
  const message = refusal?.message ?? statusText;
  return new CliError(refusal?.code ?? `http_${status}`, message, undefined, refusal?.field ?? null);
}
