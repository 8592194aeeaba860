import { type Command, InvalidArgumentError, Option } from 'commander';
import type { HypervisorChoice } from '../choose-hypervisor.ts';
import { startDaemon } from '../daemon/daemon.ts';
import { DATA_DIRECTORY_DEFAULT } from '../data-directory.ts';
import type { Output } from '../output.ts';

const LISTEN_DEFAULT = '127.0.0.1:7070';
const PORT_MAX = 65_535;

interface ServeOptions {
  readonly data: string;
  readonly listen: { host: string; port: number };
  readonly nats: string;
  readonly hypervisor: HypervisorChoice;
  readonly log: 'sqlite' | 'memory';
}

export function addServe(program: Command, output: Output): void {
  program
    .command('serve')
    .description('run the daemon')
    .option('--data <dir>', 'data directory', process.env.STATEVISOR_DATA ?? DATA_DIRECTORY_DEFAULT)
    .addOption(
      new Option('--listen <host:port>', 'where HTTP listens; port 0 = any')
        .argParser(parseListen)
        .default(parseListen(LISTEN_DEFAULT), LISTEN_DEFAULT),
    )
    .option('--nats <mode>', 'auto, off, or the URL of a server', 'auto')
    .addOption(
      new Option('--hypervisor <name>', 'what runs VMs').choices(['auto', 'qemu', 'simulator']).default('auto'),
    )
    .addOption(new Option('--log <name>', 'where records are kept').choices(['sqlite', 'memory']).default('sqlite'))
    .option('--no-hello', 'changes nothing yet: no instance `hello` is made either way')
    .option('--yes', 'ask nothing; nothing is asked yet')
    .action(async (options: ServeOptions) => {
      const daemon = await startDaemon({ ...options, say: output.line });
      output.line(`Statevisor is ready: ${daemon.endpoints.http}`);
      await untilSignalled();
      output.line('Stopping; VMs run on.');
      await daemon.close();
    });
}

export function parseListen(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  const host = text.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port < 0 || port > PORT_MAX) {
    throw new InvalidArgumentError('expected HOST:PORT, for example 127.0.0.1:7070');
  }
  return { host, port };
}

function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    // A second signal while closing changes nothing: ending half-way would leave the private nats-server behind.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
}
