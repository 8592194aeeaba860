import type { Clock } from '../../actors/contracts/clock.ts';
import { buildDemoImage } from '../../adapters/qemu/image/build-demo.ts';
import { demoImageState } from '../../adapters/qemu/image/demo-files.ts';
import { openImageStore } from '../../adapters/qemu/image/store.ts';

export const DEMO_IMAGE = 'demo';

/**
 * One that another version has built is built anew: its agent may not know what this daemon asks. Only a missing part of
 * the machine keeps it from being built; VMs of other images do not need it.
 */
export async function buildDemoOnce(images: string, clock: Clock, say: (line: string) => void): Promise<void> {
  const found = await openImageStore(images).find(DEMO_IMAGE);
  if ('image' in found && (await demoImageState(images)) !== 'outdated') return;
  try {
    const { milliseconds } = await buildDemoImage({ imagesDirectory: images, clock });
    say(`Image demo built in ${milliseconds} ms.`);
  } catch (error) {
    say(`Image demo could not be built: ${error instanceof Error ? error.message : String(error)}.`);
  }
}
