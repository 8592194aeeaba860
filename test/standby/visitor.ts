import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Visit, Visited } from './visitor.process.ts';

export interface Visitor {
  visit(asked: Visit): Promise<Visited>;
  close(): void;
}

const PROGRAM = fileURLToPath(new URL('visitor.process.ts', import.meta.url));

/** Starts one inside the namespace that `enter` leads into. */
export function startVisitor(enter: readonly string[]): Visitor {
  const [file = '', ...args] = [...enter, process.execPath, PROGRAM];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting = new Map<number, PromiseWithResolvers<Visited>>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { number, answer, error } = JSON.parse(line) as { number: number; answer?: Visited; error?: string };
    const asked = waiting.get(number);
    waiting.delete(number);
    if (answer === undefined) asked?.reject(new Error(error));
    else asked?.resolve(answer);
  });
  child.once('exit', () => {
    for (const asked of waiting.values()) asked.reject(new Error('the visitor has ended'));
  });
  let number = 0;
  return {
    visit: (asked) => {
      const answered = Promise.withResolvers<Visited>();
      waiting.set(++number, answered);
      child.stdin.write(`${JSON.stringify({ number, asked })}\n`);
      return answered.promise;
    },
    close: () => child.stdin.end(),
  };
}
