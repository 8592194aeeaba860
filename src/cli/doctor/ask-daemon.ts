import { readFileSync } from 'node:fs';
import type { Endpoints } from '../data-directory.ts';

/** A daemon that does not answer within this time is a finding. */
const ANSWER_MAX_MS = 3_000;

/** What the daemon of the directory answers to a read, as it says where it is; null: there is no such thing. */
export async function askDaemon({ token_file, http }: Endpoints, path: string): Promise<unknown> {
  const token = readFileSync(token_file, 'utf8').trim();
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`${http}${path}`, { headers, signal: AbortSignal.timeout(ANSWER_MAX_MS) });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`it answers with status ${answer.status}`);
  return answer.json();
}
