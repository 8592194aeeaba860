import { existsSync, readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import type { InstanceRecord } from '../../machines/record.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { toRfc3339 } from '../../src/projections/instants.ts';
import { errorsFile } from './daemon-process.ts';
import { type Evidence, entriesByInstance, type Violation } from './evidence.ts';
import type { Keeper } from './keeper.ts';
import { entriesOf } from './verdict.ts';

/** What whoever looks into a failed run needs: only the end of its output may have been kept. */

const RECORDS_TOLD = 30;
const SAID_CHARS = 3_000;
/** Instances whose lives are told beside the rules they broke. */
const INSTANCES_TOLD = 2;

function lineOf({ version, at, event, facts, effects, state }: InstanceRecord): string {
  const error = 'error' in event ? ` (${JSON.stringify(event.error)})` : '';
  const told = [...facts.map(({ type }) => type), ...effects.map(({ kind }) => kind)].join(', ');
  const where = `run ${state.context.run.number} ${JSON.stringify(state.value)}`;
  return `  ${version} ${toRfc3339(at)} ${event.type}${error}: ${told}; ${where}`;
}

export function loadTold(): string {
  return `load ${loadavg()
    .map((one) => one.toFixed(1))
    .join(' ')}`;
}

/** Carries something out; its error tells the last records of all instances, and what the daemons have said. */
export async function tellingHistory<T>(directory: string, keeper: Keeper, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const load = loadTold();
    await keeper.kill('SIGKILL');
    const records = (await entriesOf(directory)).slice(-RECORDS_TOLD).map(({ stream, bytes }) => {
      return `${stream}${lineOf(parseRecord(bytes))}`;
    });
    const said = existsSync(errorsFile(directory)) ? readFileSync(errorsFile(directory), 'utf8') : '';
    const message = error instanceof Error ? error.message : String(error);
    const told = [message, `${load}; the last records:`, ...records, 'the daemons said:', said.slice(-SAID_CHARS)];
    throw new Error(told.join('\n'), { cause: error });
  }
}

/** The lives of those that broke a rule, as the log and the world have them. */
export function livesTold(violations: readonly Violation[], { entries, journal }: Evidence): string[] {
  const streams = entriesByInstance(entries);
  const ids = [...new Set(violations.map(({ instance }) => instance))].slice(0, INSTANCES_TOLD);
  return ids.flatMap((id) => {
    const records = (streams.get(id) ?? []).slice(-RECORDS_TOLD).map(({ bytes }) => lineOf(parseRecord(bytes)));
    const lives = journal.filter((line) => 'instance' in line && line.instance === id).slice(-RECORDS_TOLD);
    return [
      `${id}, ${loadTold()}:`,
      ...records,
      ...lives.map((line) => `  ${toRfc3339(line.at)} ${JSON.stringify(line)}`),
    ];
  });
}
