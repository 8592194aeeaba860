import type { Command } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import { createBridgeNetwork } from '../../adapters/bridge/bridge-network.ts';
import { CliError } from '../client.ts';
import { addConfigFlags } from '../config/flags.ts';
import { loadConfig } from '../config/load-config.ts';
import { knownOwner, siteOf } from '../daemon/network.ts';
import type { Output } from '../output.ts';

/** What is done to the network of this host without a daemon, which leaves it where it is when it ends. */
export function addNetworkCommands(program: Command, output: Output): void {
  const network = program.command('network').description('the network of bridged guests on this host');
  const remove = network
    .command('remove')
    .description('remove bridge, taps and packet filter of the daemon that `serve` with the same flags would be');
  addConfigFlags(remove, { listed: false }).action(async (flags: Record<string, unknown>) => {
    const { config } = loadConfig({ flags, environment: process.env });
    const owner = knownOwner(config.data);
    if (owner === null) throw new CliError('nothing_made', `Nothing was made on this host for ${config.data}.`);
    const wanted = siteOf(config, () => owner);
    if (wanted === null) throw new CliError('no_bridge', 'No bridge is configured; name it with --bridge.');
    const error = await createBridgeNetwork({ ...wanted.site, clock: systemClock() }).remove();
    if (error !== null) throw new CliError(error.code, `${error.message}.`);
    output.line(`The bridge ${wanted.site.bridge} is gone, with its taps and the packet filter.`);
  });
}
