import type { Command } from 'commander';
import { addConfigFlags } from '../config/flags.ts';
import { loadConfig } from '../config/load-config.ts';
import { startDaemon } from '../daemon/daemon.ts';
import type { Output } from '../output.ts';

export function addServe(program: Command, output: Output): void {
  const serve = program.command('serve').description('run the daemon');
  addConfigFlags(serve)
    .option('--yes', 'for `npm start`: installs what is missing without asking')
    .action(async (flags: Record<string, unknown>) => {
      const { config, file, notes } = loadConfig({ flags, environment: process.env });
      for (const note of notes) output.note(note);
      if (file !== null) output.line(`Configuration: ${file}`);
      const daemon = await startDaemon({ ...config, say: output.line });
      output.line(`Statevisor is ready: ${daemon.endpoints.http}`);
      await untilSignalled();
      output.line('Stopping; VMs run on.');
      await daemon.close();
    });
}

function untilSignalled(): Promise<void> {
  return new Promise((resolve) => {
    // A second signal while closing changes nothing: ending half-way would leave the private nats-server behind.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
}
