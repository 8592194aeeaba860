import { request } from 'node:http';
import { createInterface } from 'node:readline';

/**
 * Somebody inside a network namespace who asks the daemon and its guests, as patient as its kernel is. Told by lines of
 * JSON, each of which is answered by one when its request has been.
 */

export interface Visit {
  readonly url: string;
  readonly method?: string;
  readonly token?: string;
  readonly body?: unknown;
  /** Asks again when nobody answered for the address, which the kernel gives up on after three seconds. */
  readonly isPatient?: boolean;
}

export interface Visited {
  readonly status: number;
  readonly text: string;
}

function visit({ url, method = 'GET', token, body }: Visit): Promise<Visited> {
  const text = body === undefined ? null : JSON.stringify(body);
  const headers = {
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(text !== null && { 'content-type': 'application/json' }),
  };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, agent: false }, (response) => {
      let heard = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        heard += part;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text: heard }));
      response.once('error', reject);
    });
    asked.once('error', reject).end(text ?? undefined);
  });
}

/** A guest that is woken on a busy machine needs longer than a kernel looks for its address. */
const VISITS_MAX = 20;

async function visitPatiently(asked: Visit): Promise<Visited> {
  for (let visits = 1; ; visits++) {
    try {
      return await visit(asked);
    } catch (error) {
      const isAbsent = (error as NodeJS.ErrnoException).code === 'EHOSTUNREACH';
      if (asked.isPatient !== true || !isAbsent || visits === VISITS_MAX) throw error;
    }
  }
}

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { number, asked } = JSON.parse(line) as { number: number; asked: Visit };
    void visitPatiently(asked).then(
      (answer) => process.stdout.write(`${JSON.stringify({ number, answer })}\n`),
      (error: unknown) => process.stdout.write(`${JSON.stringify({ number, error: String(error) })}\n`),
    );
  }
  process.exit(0);
}
