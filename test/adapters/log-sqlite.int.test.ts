import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/actors/clock.ts';
import { openSqliteLog, type SqliteLogOptions } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { logContract } from '../contracts/log.contract.ts';

async function make(placement: SqliteLogOptions['placement']) {
  const directory = await mkdtemp(join(tmpdir(), 'statevisor-log-'));
  const open = () => openSqliteLog({ directory, clock: systemClock(), placement });
  const first = await open();
  let log = first;
  return {
    log: first,
    reopen: async () => {
      await log.close();
      log = await open();
      return log;
    },
    destroy: async () => {
      await log.close();
      await rm(directory, { recursive: true });
    },
  };
}

logContract('the SQLite log in a worker', () => make('worker'));
logContract('the SQLite log on the main thread', () => make('main'));
