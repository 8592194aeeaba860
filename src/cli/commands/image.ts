import type { Command } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import { buildDemoImage } from '../../adapters/qemu/image/build-demo.ts';
import { formatReadyRule } from '../../adapters/qemu/image/manifest.ts';
import { type ImageStore, openImageStore } from '../../adapters/qemu/image/store.ts';
import { dataOfDaemon } from '../config/data-of-daemon.ts';
import { dataDirectory } from '../data-directory.ts';
import { type Output, table } from '../output.ts';
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
  image
    .command('ls')
    .description('list the images in the data directory, and whether each can be booted')
    .option('--data <dir>', 'data directory of the daemon')
    .option('--json', 'print JSON')
    .action(async (options: { data?: string; json?: boolean }) => {
      const store = openImageStore(dataDirectory(dataOfDaemon(options.data)).images);
      const images = await Promise.all((await store.list()).map((name) => imageRow(name, store)));
      if (options.json === true) return output.line(JSON.stringify(images));
      const rows = images.map(({ name, ready, ports, problem }) => [
        name,
        problem ?? ready ?? '',
        ports.join(',') || '-',
      ]);
      for (const line of table([['NAME', 'READY BY', 'PORTS'], ...rows])) output.line(line);
    });
}

interface ImageRow {
  readonly name: string;
  /** How a guest of it tells that it is ready; null when it cannot be booted. */
  readonly ready: string | null;
  readonly ports: readonly number[];
  /** Why it cannot be booted. */
  readonly problem: string | null;
}

async function imageRow(name: string, store: ImageStore): Promise<ImageRow> {
  const found = await store.find(name);
  if ('error' in found) return { name, ready: null, ports: [], problem: found.error.message };
  return { name, ready: formatReadyRule(found.image.ready), ports: found.image.guestPorts, problem: null };
}
