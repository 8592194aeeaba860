import { readFileSync } from 'node:fs';
import { dataOfDaemon } from './config/data-of-daemon.ts';
import { dataDirectory, isServed, readEndpoints } from './data-directory.ts';

/** The CLI's way to a daemon: the one in the data directory, or the one the environment names. */

export interface Client {
  readonly url: string;
  /** Throws CliError with the daemon's own words when it refuses. */
  call(method: string, path: string, body?: unknown): Promise<unknown>;
}

/** A failure the user can do something about; printed without a stack. */
export class CliError extends Error {
  readonly code: string;

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CliError';
    this.code = code;
  }
}

export function connectClient(data: string | undefined): Client {
  const { url, token } = findDaemon(data);
  return { url, call: (method, path, body) => send(new URL(path, url), token, method, body) };
}

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
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(url, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    throw new CliError('unreachable', `The daemon at ${url.origin} does not answer.`, error);
  }
  const text = await response.text();
  const answer: unknown = text === '' ? null : JSON.parse(text);
  if (response.ok) return answer;
  const refusal = answer as { code?: string; message?: string; field?: string } | null;
  const message = refusal?.message ?? response.statusText;
  const isNamed = refusal?.field === undefined || message.includes(refusal.field);
  throw new CliError(refusal?.code ?? `http_${response.status}`, isNamed ? message : `${message} (${refusal.field})`);
}
