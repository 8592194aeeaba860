import { existsSync, readFileSync } from 'node:fs';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { toRfc3339 } from '../../src/projections/instants.ts';
import { loadTold, recordTold } from '../told-records.ts';
import { errorsFile } from './daemon-process.ts';
import { type Evidence, entriesByInstance, type Violation } from './evidence.ts';
import type { Keeper } from './keeper.ts';
import { entriesOf } from './verdict.ts';

/** What whoever looks into a failed run needs: only the end of its output may have been kept. */

const RECORDS_TOLD = 30;
const SAID_CHARS = 3_000;
/** Instances whose lives are told beside the rules they broke. */
const INSTANCES_TOLD = 2;

/** The last records of all instances, and what their daemons have said. */
export async function historyTold(directory: string): Promise<string> {
  const records = (await entriesOf(directory)).slice(-RECORDS_TOLD).map(({ stream, bytes }) => {
    return `${stream}${recordTold(parseRecord(bytes))}`;
  });
  const said = existsSync(errorsFile(directory)) ? readFileSync(errorsFile(directory), 'utf8') : '';
  return ['the last records:', ...records, 'the daemons said:', said.slice(-SAID_CHARS)].join('\n');
}

/** Carries something out; its error tells the last records of all instances, and what the daemons have said. */
export async function tellingHistory<T>(directory: string, keeper: Keeper, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const load = loadTold();
    await keeper.kill('SIGKILL');
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n${load}; ${await historyTold(directory)}`, { cause: error });
  }
}

/** The lives of those that broke a rule, as the log and the world have them. */
export function livesTold(violations: readonly Violation[], { entries, journal }: Evidence): string[] {
  const streams = entriesByInstance(entries);
  const ids = [...new Set(violations.map(({ instance }) => instance))].slice(0, INSTANCES_TOLD);
  return ids.flatMap((id) => {
    const records = (streams.get(id) ?? []).slice(-RECORDS_TOLD).map(({ bytes }) => recordTold(parseRecord(bytes)));
    const lives = journal.filter((line) => 'instance' in line && line.instance === id).slice(-RECORDS_TOLD);
    return [
      `${id}, ${loadTold()}:`,
      ...records,
      ...lives.map((line) => `  ${toRfc3339(line.at)} ${JSON.stringify(line)}`),
    ];
  });
}
