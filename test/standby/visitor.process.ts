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

if (import.meta.main) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { number, asked } = JSON.parse(line) as { number: number; asked: Visit };
    void visit(asked).then(
      (answer) => process.stdout.write(`${JSON.stringify({ number, answer })}\n`),
      (error: unknown) => process.stdout.write(`${JSON.stringify({ number, error: String(error) })}\n`),
    );
  }
  process.exit(0);
}
