import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { buildDemoImage } from '../../src/adapters/qemu/image/build-demo.ts';
import { hypervisorContract } from '../contracts/hypervisor.contract.ts';
import { makeQemuWorld } from './qemu.world.ts';

const images = mkdtempSync(join(tmpdir(), 'statevisor-images-'));
beforeAll(() => buildDemoImage({ imagesDirectory: images, clock: systemClock() }));
afterAll(() => rmSync(images, { recursive: true, force: true }));

// While one guest boots another is waited for.
hypervisorContract('QEMU', () => makeQemuWorld(images), { concurrent: true });
