import type { Lease } from '../../actors/contracts/network.ts';
import type { CommandRunner } from './command-runner.ts';
import { NetworkFailure } from './failure.ts';
import {
  FAMILIES,
  type Family,
  type FoundTable,
  findTable,
  makeTables,
  replaceTables,
  type TablePlan,
} from './packet-filter.ts';
import type { Site } from './site.ts';
import { readEvents } from './tracking.ts';

/** With how what goes from guest to guest is tracked. */
export type TrackedSite = Site & Pick<TablePlan, 'tracksPorts'>;

interface OwnTables {
  /** Which of ours are not there. */
  readonly missing: readonly Family[];
  readonly eventsBefore: string | null;
  readonly untracked: number;
}

/** Throws when one of our tables is somebody else's. */
export async function ownTables(run: CommandRunner, { owner }: Site): Promise<OwnTables> {
  const found = new Map<Family, FoundTable>();
  for (const family of FAMILIES) {
    const table = await findTable(run, family, owner, { full: false });
    if (table.state === 'foreign') {
      throw new NetworkFailure('not_ours', `the nft table ${family} statevisor is not ours`);
    }
    found.set(family, table);
  }
  const missing = FAMILIES.filter((family) => found.get(family)?.state === 'missing');
  const { eventsBefore = null, untracked = 0 } = found.get('inet') ?? {};
  return { missing, eventsBefore, untracked };
}

interface Repaired {
  /** Some tables were missing. */
  readonly isRepaired: boolean;
  /** Packets of guests that were not tracked since the table was made. */
  readonly untracked: number;
}

/** Makes tables that are missing, with every guest there is. */
export async function repairFilter(run: CommandRunner, site: TrackedSite, leases: readonly Lease[]): Promise<Repaired> {
  const { missing, untracked } = await ownTables(run, site);
  if (missing.length === 0) return { isRepaired: false, untracked };
  const eventsBefore = missing.includes('inet') ? await readEvents(run) : null;
  await makeTables(run, { ...site, eventsBefore }, missing, leases);
  return { isRepaired: true, untracked };
}

/**
 * The filter as it is meant now: the range or the way out may have been changed since it was made. Answers what went
 * with the former one.
 */
export async function renewFilter(
  run: CommandRunner,
  site: TrackedSite,
  leases: readonly Lease[],
  isKnown: (instance: string) => boolean,
): Promise<string[]> {
  const tables = await ownTables(run, site);
  const { guests } = await findTable(run, 'bridge', site.owner, { full: true });
  const leased = new Set(leases.map(({ instance }) => instance));
  const kept = guests.filter(({ instance }) => !leased.has(instance) && isKnown(instance));
  const plan = { ...site, eventsBefore: tables.eventsBefore ?? (await readEvents(run)) };
  await replaceTables(run, plan, [...leases, ...kept]);
  return guests.filter(({ instance }) => !isKnown(instance)).map(({ instance }) => `filter of ${instance}`);
}
