import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { clock } from '../measure.ts';
import { createFleet, META } from '../workload.ts';
import { drive, type Peer } from './peer.ts';

const INSTANCES = 1_000;

/** A command on an instance that rests: one transition of the whole chart, one record of about a kilobyte. */
export async function openStatevisor(place: string): Promise<Peer> {
  const log = await openSqliteLog({ directory: place, clock });
  const { supervisor } = await createFleet(log, INSTANCES);
  const ids = Array.from({ length: INSTANCES }, (_, n) => supervisor.resolve(`vm-${n}`));
  return {
    name: 'statevisor',
    durability: `in process; SQLite, WAL, synchronous = FULL; survives: ${log.survives}`,
    changesPerSecond: (inFlight, ms) =>
      drive(inFlight, ms, (key) => supervisor.command(ids[key]!, { type: 'stop', by: 'bench' }, META)),
    close: async () => {
      await supervisor.close();
      await log.close();
    },
  };
}
