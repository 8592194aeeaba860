import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { NetworkError } from '../../actors/contracts/network.ts';
import { ownTaps, refuseForeignBridge } from './bridge-lines.ts';
import type { CommandRunner } from './command-runner.ts';
import { errorOf, NetworkFailure } from './failure.ts';
import { ownTables } from './filter-repair.ts';
import { isForwarding, readLinks } from './links.ts';
import type { Site } from './site.ts';
import { EVENTS_ALL, EVENTS_SETTING, readEvents, refuseUntracked } from './tracking.ts';

const TUN_DEVICE = '/dev/net/tun';

type Look = () => Promise<void>;

/** Everything that would keep guests from being attached, each by trying; nothing is changed. */
export async function checkHost(run: CommandRunner, site: Site): Promise<NetworkError[]> {
  const looks: Look[] = [
    () => lookAtBridge(run, site),
    // Reading the filter needs the same rights as changing it, so this tells about rights too.
    () => lookAtTables(run, site),
    lookAtTun,
    ...(site.nat ? [() => lookAtForwarding(run)] : []),
  ];
  const found: NetworkError[] = [];
  for (const look of looks) await look().catch((failure: unknown) => found.push(errorOf(failure)));
  return found;
}

async function lookAtBridge(run: CommandRunner, site: Site): Promise<void> {
  const links = await readLinks(run);
  refuseForeignBridge(links, site);
  const isThere = links.some((link) => link.name === site.bridge);
  if (!isThere && ownTaps(links, site.owner).length > 0) {
    throw new NetworkFailure('bridge_missing', `${site.bridge} is gone; the next boot makes it again`);
  }
}

async function lookAtTables(run: CommandRunner, site: Site): Promise<void> {
  const { missing, untracked } = await ownTables(run, site);
  const isMade = (await readLinks(run)).some((link) => link.name === site.bridge);
  if (!isMade) return;
  const [family] = missing;
  if (family !== undefined) {
    throw new NetworkFailure('not_tracked', `the nft table ${family} statevisor is gone; the next boot makes it again`);
  }
  refuseUntracked(untracked);
  const value = await readEvents(run);
  if (value === EVENTS_ALL) return;
  const found = value === null ? `${EVENTS_SETTING} is not there` : `net.netfilter.nf_conntrack_events is ${value}`;
  throw new NetworkFailure('not_tracked', `the kernel does not tell of all connections of guests: ${found}`);
}

async function lookAtTun(): Promise<void> {
  await access(TUN_DEVICE, constants.R_OK | constants.W_OK).catch(() => {
    throw new NetworkFailure('network_failed', `${TUN_DEVICE} cannot be opened: load the module tun`);
  });
}

async function lookAtForwarding(run: CommandRunner): Promise<void> {
  if (await isForwarding(run)) return;
  throw new NetworkFailure(
    'forwarding_off',
    'guests do not get beyond the host: set the sysctl net.ipv4.ip_forward to 1',
  );
}
