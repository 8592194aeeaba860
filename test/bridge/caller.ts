import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** What `caller.process.ts` is told to do. */
export type CallerRequest =
  | { readonly do: 'ask'; readonly path: string; readonly method?: 'GET' | 'POST' | 'PATCH'; readonly body?: unknown }
  /** Answered when the connection stands. */
  | { readonly do: 'open'; readonly name: string; readonly host: string; readonly port: number }
  /** Answered when port 80 has said all it will and closed its half. */
  | { readonly do: 'half_open'; readonly name: string; readonly host: string }
  /** Answered when the first one has come back. */
  | { readonly do: 'send_datagrams'; readonly name: string; readonly host: string; readonly port: number }
  /** Answered when what has this name is over. */
  | { readonly do: 'end'; readonly name: string }
  | { readonly do: 'listen'; readonly port: number }
  /** When somebody who connected last said something, in epoch ms; null: never. */
  | { readonly do: 'heard_at' };

export interface Caller {
  please(request: CallerRequest): Promise<unknown>;
  close(): void;
}

const PROGRAM = fileURLToPath(new URL('caller.process.ts', import.meta.url));

/** Somebody inside a namespace who talks to guests, and to the daemon whose `endpoints.json` is named. */
export function startCaller(enter: readonly string[], endpoints: string): Caller {
  const [file = '', ...args] = [...enter, process.execPath, PROGRAM, endpoints];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { number, answer, error } = JSON.parse(line) as { number: number; answer: unknown; error?: string };
    const asked = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) asked?.resolve(answer);
    else asked?.reject(new Error(error));
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the caller has ended'));
  });
  let number = 0;
  return {
    please: (request) =>
      new Promise((resolve, reject) => {
        number += 1;
        waiting.set(number, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ number, request })}\n`);
      }),
    close: () => child.stdin.end(),
  };
}
