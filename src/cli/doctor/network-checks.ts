import { existsSync, readFileSync } from 'node:fs';
import { createBridgeNetwork } from '../../adapters/bridge/bridge-network.ts';
import { ownerFile } from '../daemon/network.ts';
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
  const { bridge_range: range, bridge_nat: nat } = around.config;
  const { cidr, prefix, gateway } = range;
  const file = ownerFile(around.directory.path);
  const owner = existsSync(file) ? readFileSync(file, 'utf8').trim() : NOBODY;
  const site = { bridge, range: cidr, prefix, gateway, nat, uid: process.getuid?.() ?? 0, owner };
  const found = await createBridgeNetwork({ ...site, clock: around.clock }).check();
  if (found.length === 0) return [ok('network', `the bridge ${bridge} with ${cidr} can be used`)];
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
