import { systemClock } from '../../src/actors/clock.ts';
import type { Token } from '../../src/actors/contracts/log.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';

/**
 * A process for tests to kill: appends to several streams without end and prints one line per acknowledgement,
 * `<stream> <version> <position>`, or `refused <code> <pid of the owner>` when the log cannot be opened. Now and then it
 * removes the beginning of a stream: `trim <stream> <version>` before, `trimmed <stream> <version>` after.
 */
const STREAMS = 8;
const TRIM_EVERY = 60;
const KEPT_BY_TRIM = 20;

const [directory, run, placement] = process.argv.slice(2);

async function trim(log: Awaited<ReturnType<typeof openSqliteLog>>, stream: string, version: number): Promise<void> {
  for await (const first of log.read(stream, version, 1)) {
    process.stdout.write(`trim ${stream} ${first.version}\n`);
    await log.trim(first);
    process.stdout.write(`trimmed ${stream} ${first.version}\n`);
    break;
  }
}

async function appendForEver(log: Awaited<ReturnType<typeof openSqliteLog>>, stream: string): Promise<void> {
  let prev: Token | null = (await log.head(stream))?.token ?? null;
  for (let n = 1; ; n++) {
    const result = await log.append(stream, prev, JSON.stringify({ stream, run, n, filling: 'x'.repeat(n % 2_000) }));
    if (result.kind !== 'appended') throw new Error(JSON.stringify(result));
    prev = result.token;
    process.stdout.write(`${stream} ${result.version} ${result.position}\n`);
    if (result.version % TRIM_EVERY === 0) await trim(log, stream, result.version - KEPT_BY_TRIM);
  }
}

try {
  const log = await openSqliteLog({
    directory: directory!,
    clock: systemClock(),
    placement: placement === 'main' ? 'main' : 'worker',
  });
  process.stdout.write('open\n');
  await Promise.all(Array.from({ length: STREAMS }, (_, n) => appendForEver(log, `stream ${n}`)));
} catch (error) {
  const { code, ownerPid } = error as { code?: string; ownerPid?: number };
  process.stdout.write(`refused ${code ?? String(error)} ${ownerPid ?? ''}\n`);
}
