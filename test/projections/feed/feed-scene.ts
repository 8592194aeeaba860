import type { Log, LogEntry, Token } from '../../../src/actors/contracts/log.ts';

/** Records of made-up instances, as far as readers of the feed look into them. */

const TYPES = ['start', 'stop', 'vmm.exited', 'probe.failed'] as const;

/** Writes records to several streams of one log. */
export interface Writer {
  /** Appends a record to stream number `n`; answers its position. */
  write(n: number): Promise<string>;
}

export function writer(log: Log): Writer {
  const heads = new Map<string, Promise<{ token: Token; version: number; position: string }>>();
  const append = async (stream: string, before: Promise<{ token: Token; version: number }> | undefined) => {
    const head = await before;
    const version = (head?.version ?? 0) + 1;
    const type = TYPES[version % TYPES.length]!;
    const record = { id: `${stream}-${version}`, stream, version, at: version, event: { type }, facts: [], cause: {} };
    const result = await log.append(stream, head?.token ?? null, JSON.stringify(record));
    if (result.kind !== 'appended') throw new Error(`not appended: ${result.kind}`);
    return result;
  };
  return {
    async write(n) {
      const stream = streamName(n);
      const appended = append(stream, heads.get(stream));
      heads.set(stream, appended);
      return (await appended).position;
    },
  };
}

export function streamName(n: number): string {
  return `01feed${String(n).padStart(20, '0')}`;
}

export async function allOf(log: Log): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for await (const entry of log.readAll(null)) all.push(entry);
  return all;
}
