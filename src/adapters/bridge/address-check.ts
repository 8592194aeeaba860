import type { Clock } from '../../actors/contracts/clock.ts';
import type { Lease } from '../../actors/contracts/network.ts';
import type { CommandRunner } from './command-runner.ts';
import { NetworkFailure } from './failure.ts';
import { type Link, readNeighbours, runBatch } from './links.ts';
import { instanceOfAlias } from './marks.ts';
import type { Site } from './site.ts';

/** How long somebody else has to say that the address is theirs, and how often it is looked whether they did. */
export const ADDRESS_ANSWER_LIMIT_MS = 300;
const LOOK_MS = 20;

export interface AddressQuestion {
  readonly run: CommandRunner;
  readonly clock: Clock;
  readonly site: Site;
  readonly links: readonly Link[];
  readonly lease: Lease;
}

/**
 * Refuses an address that this host has itself, or that somebody on the bridge answers for. Guests cannot, the filter
 * sees to that; so nobody is asked, and no boot waits, unless the bridge has a port that is not ours.
 */
export async function refuseTakenAddress({ run, clock, site, links, lease }: AddressQuestion): Promise<void> {
  const { bridge, owner } = site;
  const { address, mac } = lease;
  const own = links.find((link) => link.addresses.some((one) => one.startsWith(`${address}/`)));
  if (own !== undefined) throw new NetworkFailure('address_taken', `${address} is this host's own, on ${own.name}`);
  const others = links.filter((link) => link.master === bridge && instanceOfAlias(owner, link.alias) === null);
  if (others.length === 0) return;
  // An entry of ours would be believed instead of asking. `use` makes the kernel ask.
  await runBatch(run, [
    `neigh replace ${address} lladdr ${mac} dev ${bridge} nud permanent`,
    `neigh delete ${address} dev ${bridge}`,
    `neigh add ${address} dev ${bridge} use`,
  ]);
  const until = clock.monotonic() + ADDRESS_ANSWER_LIMIT_MS;
  while (clock.monotonic() < until) {
    const entry = (await readNeighbours(run, bridge)).find(({ dst }) => dst === address);
    if (entry?.lladdr !== undefined && entry.lladdr !== mac) {
      throw new NetworkFailure('address_taken', `${entry.lladdr} on ${bridge} answers for ${address}`);
    }
    await clock.sleep(LOOK_MS);
  }
}
