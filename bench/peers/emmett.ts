import { join } from 'node:path';
import { getSQLiteEventStore } from '@event-driven-io/emmett-sqlite';
import { drive, type Peer } from './peer.ts';

interface Incremented {
  readonly type: 'Incremented';
  readonly data: { readonly by: number };
}

/**
 * One small event appended to a stream with the version that is expected. Emmett sets WAL and leaves `synchronous` at
 * what SQLite was built with, which is FULL in the sqlite3 package: every commit is synced.
 */
export async function openEmmett(place: string): Promise<Peer> {
  const store = getSQLiteEventStore({ fileName: join(place, 'emmett.sqlite'), schema: { autoMigration: 'CreateOrUpdate' } });
  const versions = new Map<number, bigint>();
  let last: Promise<void> = Promise.resolve();
  // One at a time: appends at the same time open connections of their own and fail as SQLITE_BUSY.
  const change = (key: number): Promise<void> => {
    last = last.then(() => append(key));
    return last;
  };
  const append = async (key: number): Promise<void> => {
    const before = versions.get(key);
    const events: Incremented[] = [{ type: 'Incremented', data: { by: 1 } }];
    const options = before === undefined ? {} : { expectedStreamVersion: before };
    const { nextExpectedStreamVersion } = await store.appendToStream(`counter-${key}`, events, options);
    versions.set(key, nextExpectedStreamVersion);
  };
  await change(0);
  return {
    name: 'emmett',
    durability: 'in process; SQLite, WAL, synchronous = FULL (the default of its driver); appends one after the other, since it has no group commit and fails as SQLITE_BUSY without',
    changesPerSecond: (inFlight, ms) => drive(inFlight, ms, change),
    close: async () => {},
  };
}
