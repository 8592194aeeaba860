import type { NetworkErrorCode } from '../../actors/contracts/network.ts';
import { createBridgeNetwork } from '../../adapters/bridge/bridge-network.ts';
import { knownOwner, siteOf } from '../daemon/network.ts';
import { type Check, type Finding, ok, problem, type Surroundings } from './finding.ts';

/** What a bridged network needs: looked at when one is asked for, by trying and without changing anything. */

const TOOLS = [
  { program: 'ip', args: ['-V'], of: 'iproute2' },
  { program: 'nft', args: ['--version'], of: 'nftables' },
] as const;
/** In the marks of what nobody made. */
const NOBODY = '0000000000000000';

const MEANS: { readonly [Code in NetworkErrorCode]?: string } = {
  not_tracked: 'Nobody knows who talks to guests, so none of them is put to sleep for being idle.',
  forwarding_off: 'Guests do not get beyond this host.',
};
const REMEDIES: Readonly<Record<NetworkErrorCode, string>> = {
  no_rights: 'Run as root, or give the service AmbientCapabilities=CAP_NET_ADMIN.',
  tools_missing: 'As root: apt-get install iproute2 nftables',
  bridge_missing: 'Boot any bridged instance, or start the daemon again: either makes it anew.',
  not_ours: 'Choose another bridge, or remove what has the name.',
  tap_busy: 'End the process that has the tap open; `ip -details link show` names the tap.',
  address_taken: 'Take the address from whoever has it, or create the instance with another.',
  out_of_range: 'Start the daemon with the range the address is from, or create the instance anew.',
  in_use: 'Stop the instances first.',
  forwarding_off: 'As root: sysctl -w net.ipv4.ip_forward=1',
  not_tracked: 'Start the daemon again, which repairs it; or as root: sysctl -w net.netfilter.nf_conntrack_events=1',
  network_failed: 'See docs/how-to/bridged-guests.md.',
};

export const checkNetwork: Check = async (around) => {
  const { bridge } = around.config;
  if (bridge === null) return [ok('network', 'forwarded ports; no bridge is asked for')];
  const missing = await missingTools(around, bridge);
  if (missing.length > 0) return missing;
  const wanted = siteOf(around.config, () => knownOwner(around.directory.path) ?? NOBODY);
  if (wanted === null) return [];
  const { site } = wanted;
  const found = await createBridgeNetwork({ ...site, clock: around.clock }).check();
  if (found.length === 0) return [ok('network', `the bridge ${bridge} with ${site.range} can be used`)];
  const means = `Guests may not be attached to the bridge ${bridge}.`;
  return found.map(({ code, message }) =>
    problem('network', `${code}: ${message}`, MEANS[code] ?? means, REMEDIES[code]),
  );
};

async function missingTools({ run }: Surroundings, bridge: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { program, args, of } of TOOLS) {
    if ((await run(program, args)).status === 0) continue;
    const means = `Guests cannot be attached to the bridge ${bridge}.`;
    findings.push(problem('network', `${program} is not there`, means, `As root: apt-get install ${of}`));
  }
  return findings;
}
