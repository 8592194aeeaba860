import type { Lease } from '../../actors/contracts/network.ts';
import type { Site } from './bridge-lines.ts';
import type { CommandRunner } from './command-runner.ts';
import { NetworkFailure } from './failure.ts';
import { FAMILIES, type Family, findTable, makeTables, replaceTables } from './packet-filter.ts';

/** Which of our tables are not there. Throws when one of them is somebody else's. */
export async function missingTables(run: CommandRunner, { owner }: Site): Promise<Family[]> {
  const missing: Family[] = [];
  for (const family of FAMILIES) {
    const { state } = await findTable(run, family, owner, { full: false });
    if (state === 'foreign') throw new NetworkFailure('not_ours', `the nft table ${family} statevisor is not ours`);
    if (state === 'missing') missing.push(family);
  }
  return missing;
}

/** Makes tables that are missing, with every guest there is. True when there had been any. */
export async function repairFilter(run: CommandRunner, site: Site, leases: readonly Lease[]): Promise<boolean> {
  const missing = await missingTables(run, site);
  await makeTables(run, site, missing, leases);
  return missing.length > 0 && leases.length > 0;
}

/**
 * The filter as it is meant now: the range or the way out may have been changed since it was made. Answers what went
 * with the former one.
 */
export async function renewFilter(
  run: CommandRunner,
  site: Site,
  leases: readonly Lease[],
  isKnown: (instance: string) => boolean,
): Promise<string[]> {
  await missingTables(run, site);
  const { guests } = await findTable(run, 'bridge', site.owner, { full: true });
  const leased = new Set(leases.map(({ instance }) => instance));
  const kept = guests.filter(({ instance }) => !leased.has(instance) && isKnown(instance));
  await replaceTables(run, site, [...leases, ...kept]);
  return guests.filter(({ instance }) => !isKnown(instance)).map(({ instance }) => `filter of ${instance}`);
}
