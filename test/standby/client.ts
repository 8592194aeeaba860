import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A client in a namespace, with one connection to a guest that it keeps. */
export interface Client {
  /** Says something over that connection, and answers what comes back; null when the connection is closed. */
  echo(text: string): Promise<string | null>;
  ask(url: string, given?: { readonly method?: string; readonly token?: string }): Promise<Answer>;
  close(): void;
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const PROGRAM = fileURLToPath(new URL('client.process.ts', import.meta.url));

export function startClient(enter: readonly string[], address: string): Client {
  const [file = '', ...args] = [...enter, process.execPath, PROGRAM, address];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exchange = async (line: unknown): Promise<Record<string, unknown>> => {
    child.stdin.write(`${JSON.stringify(line)}\n`);
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the client has ended');
    return JSON.parse(value) as Record<string, unknown>;
  };
  return {
    echo: async (say) => {
      const { heard } = await exchange({ say });
      return typeof heard === 'string' ? heard : null;
    },
    ask: async (url, given = {}) => {
      const said = await exchange({ url, ...given });
      if ('failed' in said) throw new Error(String(said.failed));
      return said as unknown as Answer;
    },
    close: () => child.stdin.end(),
  };
}
