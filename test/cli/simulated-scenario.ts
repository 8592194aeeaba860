import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runSimulate } from '../../src/cli/simulate/simulate.ts';

export interface Simulated {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface Options {
  readonly json?: boolean;
  readonly recordsMax?: number;
}

/** Runs a scenario file as the command line does. */
export async function simulateFile(file: string, { json = false, recordsMax }: Options = {}): Promise<Simulated> {
  const out: string[] = [];
  const err: string[] = [];
  const output = { out: (line: string) => out.push(line), err: (line: string) => err.push(line) };
  const code = await runSimulate(file, { json, ...output, ...(recordsMax === undefined ? {} : { recordsMax }) });
  return { code, out: out.join('\n'), err: err.join('\n') };
}

/** The same for a text, by way of a file that is removed again. Errors begin with `scenario.yaml`. */
export async function simulateText(text: string, options: Options = {}): Promise<Simulated> {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-simulate-'));
  try {
    const file = join(directory, 'scenario.yaml');
    writeFileSync(file, text);
    const { code, out, err } = await simulateFile(file, options);
    return { code, out, err: err.replaceAll(`${directory}/`, '') };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
