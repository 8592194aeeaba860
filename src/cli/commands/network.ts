import type { Command } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import { LogOpenError } from '../../actors/contracts/log-error.ts';
import { createBridgeNetwork } from '../../adapters/bridge/bridge-network.ts';
import { CliError } from '../client.ts';
import { addConfigFlags } from '../config/flags.ts';
import { loadConfig } from '../config/load-config.ts';
import { knownOwner, siteOf } from '../daemon/network.ts';
import { type DataDirectory, dataDirectory } from '../data-directory.ts';
import { lockDirectory } from '../directory-lock.ts';
import type { Output } from '../output.ts';

function lockUnserved(directory: DataDirectory): () => void {
  try {
    return lockDirectory(directory);
  } catch (error) {
    if (!(error instanceof LogOpenError)) throw error;
    const daemon = error.ownerPid === null ? 'A daemon' : `The daemon (pid ${error.ownerPid})`;
    const message = `${daemon} serves ${directory.path} and would miss its network. Stop the instances, end the daemon, and repeat this.`;
    throw new CliError(IN_USE, message, error);
  }
}

/** The code of a network that still has a guest says the same: somebody needs it. */
const IN_USE = 'in_use';

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
    // A daemon would make it again at its next boot, and none starts while this is under way.
    const unlock = lockUnserved(dataDirectory(config.data));
    try {
      const error = await createBridgeNetwork({ ...wanted.site, clock: systemClock() }).remove();
      if (error !== null) throw new CliError(error.code, `${error.message}.`);
    } finally {
      unlock();
    }
    output.line(`The bridge ${wanted.site.bridge} is gone, with its taps and the packet filter.`);
  });
}
