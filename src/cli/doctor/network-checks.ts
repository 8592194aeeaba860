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
    problem('network', `${code}: ${message}`, means, 'See docs/how-to/bridged-guests.md.'),
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
