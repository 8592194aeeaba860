import { createReadStream } from 'node:fs';
import type { Clock } from '../../actors/contracts/clock.ts';
import { readLine } from './entry-lines.ts';
import { type Dumped, type DumpSink, type KernelTable, TableError, type TableListener } from './kernel-table.ts';
import { eachLine } from './line-stream.ts';

const PATH = '/proc/net/nf_conntrack';
/** How often the file is read: nothing tells that it has changed. */
export const PROCFS_POLL_MS = 1_000;

const SENTENCES: Readonly<Record<string, string>> = {
  EACCES: `the daemon may not read ${PATH}`,
  EPERM: `the daemon may not read ${PATH}`,
  ENOENT: `the kernel has no ${PATH}`,
};

export interface ProcfsTableOptions {
  readonly clock: Clock;
  readonly listener: TableListener;
}

/**
 * The last resort, which needs no tool and no message of the kernel: a file that is read again and again. Connections
 * that came and went between two readings show by what is left of them, if at all; entries cannot be removed.
 */
export async function openProcfsTable({ listener }: ProcfsTableOptions): Promise<KernelTable> {
  const table: KernelTable = {
    mode: 'procfs',
    pollMs: PROCFS_POLL_MS,
    dump: (sink) => readFile(sink, listener),
    caughtUp: () => Promise.resolve(),
    remove: () => Promise.reject(new TableError(`entries cannot be removed through ${PATH}`)),
    close: () => Promise.resolve(),
  };
  await table.dump({ concerns: () => false, entry: () => undefined });
  return table;
}

async function readFile(sink: DumpSink, listener: TableListener): Promise<Dumped> {
  const dumped = { entries: 0, interrupted: false };
  try {
    await eachLine(
      createReadStream(PATH),
      (line) => takeLine(line, sink, listener, dumped),
      () => undefined,
    );
    return dumped;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new TableError(SENTENCES[code] ?? `${PATH} could not be read (${code})`, { cause: error });
  }
}

/** One line of a dump, which may be a connection that must not be overlooked when it cannot be read. */
export function takeLine(
  line: string,
  sink: DumpSink,
  listener: TableListener,
  dumped: { entries: number; interrupted: boolean },
): void {
  const read = readLine(line, (address) => sink.concerns(address));
  if (read === 'garbage') {
    listener.garbage(1);
    dumped.interrupted = true;
    return;
  }
  dumped.entries += 1;
  if (read !== 'other') sink.entry(read.entry);
}
