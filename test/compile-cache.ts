import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Most of the start of a daemon or of a command is compiling its modules. In a run of tests they start by the hundreds:
 * what one of them has compiled the others find in a directory that is handed on by the environment, and goes with the
 * run: at its very end, because processes write down what they have compiled when they end.
 */
export default function shareWhatIsCompiled(): void {
  if (process.env.NODE_COMPILE_CACHE !== undefined) return;
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-compiled-'));
  process.env.NODE_COMPILE_CACHE = directory;
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
}
