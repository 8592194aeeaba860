import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { probeAccelerator } from '../../../src/adapters/qemu/accelerator.ts';

const directory = mkdtempSync(join(tmpdir(), 'statevisor-accelerator-'));
const clock = systemClock();
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A stand-in for QEMU that answers by the accelerator it is asked for. */
function program(name: string, onKvm: string, onTcg: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\ncase "$*" in *"-accel kvm"*) ${onKvm} ;; *) ${onTcg} ;; esac\n`);
  chmodSync(path, 0o755);
  return path;
}

describe('the accelerator', () => {
  it('of the real QEMU is one with which guest code really ran', async () => {
    const probed = await probeAccelerator('qemu-system-x86_64', clock);
    expect('accelerator' in probed && ['kvm', 'tcg']).toContain('accelerator' in probed && probed.accelerator.name);
  });

  it('is KVM only when guest code reported back under it', async () => {
    const works = program('works', 'exit 85', 'exit 85');
    expect(await probeAccelerator(works, clock)).toMatchObject({ accelerator: { name: 'kvm' } });
    for (const failing of ['kill -ABRT $$', 'exit 0', 'exit 1']) {
      const broken = program('broken', failing, 'exit 85');
      expect(await probeAccelerator(broken, clock)).toMatchObject({ accelerator: { name: 'tcg' } });
    }
  });

  it('is none when the program runs no guest code or is missing', async () => {
    const useless = program('useless', 'exit 1', 'exit 1');
    expect(await probeAccelerator(useless, clock)).toMatchObject({ error: { code: 'spawn_failed' } });
    const missing = join(directory, 'missing');
    expect(await probeAccelerator(missing, clock)).toMatchObject({ error: { code: 'hypervisor_missing' } });
  });
});
