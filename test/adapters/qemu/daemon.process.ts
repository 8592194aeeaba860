/** Boots one run, tells its pid, and lives until it is killed. Arguments: data directory, images, instance, run. */
import { systemClock, systemRandom } from '../../../src/actors/clock.ts';
import { createQemuHypervisor } from '../../../src/adapters/qemu/hypervisor.ts';
import { openImageStore } from '../../../src/adapters/qemu/image/store.ts';
import { wanted } from '../../contracts/hypervisor.world.ts';

const MIB = 1_048_576;
const [directory = '', images = '', instance = '', run = ''] = process.argv.slice(2);
const hypervisor = createQemuHypervisor({
  directory,
  images: openImageStore(images),
  clock: systemClock(),
  random: systemRandom(),
});
const network = { mode: 'none' as const };
const spec = {
  instance,
  run: Number(run),
  name: 'survivor',
  image: 'demo',
  vcpus: 1,
  memory_bytes: 128 * MIB,
  network,
};
process.stdout.write(`${JSON.stringify(await hypervisor.boot(spec, wanted()))}\n`);
