import type { Clock } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import { createMemoryLog } from '../../adapters/log-memory/memory-log.ts';
import { openSqliteLog } from '../../adapters/log-sqlite/sqlite-log.ts';

export type LogChoice = 'sqlite' | 'memory';

/** What an acknowledged record survives, in plain words. */
export const SURVIVAL: Readonly<Record<Log['survives'], string>> = {
  nothing: 'live only as long as this process',
  process: 'survive the end of every process, not a crash of the operating system',
  os: 'survive a crash of the operating system',
  node: 'survive the loss of this machine',
};

export async function openLog(choice: LogChoice, directory: string, clock: Clock): Promise<Log> {
  return choice === 'memory' ? createMemoryLog() : openSqliteLog({ directory, clock });
}
