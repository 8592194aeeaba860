import type { DoorAndToken } from './daemon-process.ts';

/** One request to the HTTP door of a daemon that may die at any moment. */

export interface DoorAnswer {
  readonly status: number;
  readonly body: unknown;
  /** '' when the answer does not name one. */
  readonly position: string;
  readonly version: number | null;
}

const ANSWER_LIMIT_MS = 15_000;
const PAGE = 500;

/** Null when no answer came: the daemon may or may not have acted. */
export async function ask(
  { url, token }: DoorAndToken,
  method: string,
  path: string,
  { body, key }: { readonly body?: unknown; readonly key?: string } = {},
): Promise<DoorAnswer | null> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (key !== undefined) headers['idempotency-key'] = key;
  try {
    const response = await fetch(new URL(path, url), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
    const text = await response.text();
    const version = response.headers.get('statevisor-version');
    return {
      status: response.status,
      body: text === '' ? null : JSON.parse(text),
      position: response.headers.get('statevisor-position') ?? '',
      version: version === null ? null : Number(version),
    };
  } catch {
    return null;
  }
}

/** What the tests read of a view; the whole of it is compared with the log by the checker. */
export interface ShownView {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly phase: string;
  readonly run: number;
  readonly pid: number | null;
  readonly version: number;
  readonly restart_policy?: { readonly policy: string };
  readonly restart_status?: { readonly blocked_reason?: string; readonly next_attempt_at?: string };
  readonly restart?: unknown;
  readonly health_status?: { readonly status: string };
  readonly network?: { readonly ports: readonly { readonly host_port: number }[] };
}

/** Insists on an answer with a status below 300. */
export async function must(
  door: DoorAndToken,
  method: string,
  path: string,
  given: { readonly body?: unknown; readonly key?: string } = {},
): Promise<DoorAnswer> {
  const answer = await ask(door, method, path, given);
  if (answer === null || answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

export async function getView(door: DoorAndToken, id: string): Promise<ShownView> {
  return (await must(door, 'GET', `/v1/instances/${id}`)).body as ShownView;
}

/** Views of all instances, as GET shows each in the list. */
export async function listViews(door: DoorAndToken): Promise<ShownView[]> {
  const views: ShownView[] = [];
  for (let after = ''; ; ) {
    const { body } = await must(door, 'GET', `/v1/instances?limit=${PAGE}&after=${after}`);
    const page = body as { readonly instances: readonly ShownView[]; readonly next: string | null };
    views.push(...page.instances);
    if (page.next === null) return views;
    after = page.next;
  }
}
