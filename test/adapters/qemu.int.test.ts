import { rmSync } from 'node:fs';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { buildDemoImage } from '../../src/adapters/qemu/image/build-demo.ts';
import { hypervisorContract } from '../contracts/hypervisor.contract.ts';
import { temporaryDirectory } from '../left-processes.ts';
import { makeQemuWorld } from './qemu.world.ts';

const images = temporaryDirectory('statevisor-images-');
beforeAll(() => buildDemoImage({ imagesDirectory: images, clock: systemClock() }));
afterAll(() => rmSync(images, { recursive: true, force: true }));

// While one guest boots another is waited for.
hypervisorContract('QEMU', () => makeQemuWorld(images), { concurrent: true });
