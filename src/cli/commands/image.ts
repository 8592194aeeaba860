import type { Command } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import { buildDemoImage } from '../../adapters/qemu/image/build-demo.ts';
import { dataOfDaemon } from '../config/data-of-daemon.ts';
import { dataDirectory } from '../data-directory.ts';
import type { Output } from '../output.ts';
import { ensureDataDirectory } from '../usable-directory.ts';

export function addImageCommands(program: Command, output: Output): void {
  const image = program.command('image').description('images that VMs boot from');
  image
    .command('build-demo')
    .description('build the image `demo` from the kernel and busybox of this machine')
    .option('--data <dir>', 'data directory of the daemon')
    .option('--json', 'print JSON')
    .action(async (options: { data?: string; json?: boolean }) => {
      const directory = dataDirectory(dataOfDaemon(options.data));
      ensureDataDirectory(directory);
      const built = await buildDemoImage({ imagesDirectory: directory.images, clock: systemClock() });
      if (options.json === true) output.line(JSON.stringify({ name: 'demo', ...built }));
      else output.line(`demo built in ${built.milliseconds} ms: ${built.directory}`);
    });
}
