import { accessSync, constants, existsSync } from 'node:fs';
import { probeAccelerator } from '../../adapters/qemu/accelerator.ts';
import { type Check, type Finding, ok, problem, warning } from './finding.ts';

/** What runs VMs here, found out by running something in one. */

const QEMU = 'qemu-system-x86_64';
const KVM_DEVICE = '/dev/kvm';
const INSTALL = 'As root: apt-get install --no-install-recommends qemu-system-x86';

export const checkHypervisor: Check = async ({ config, clock, run }) => {
  if (config.hypervisor === 'simulator') return [ok('hypervisor', 'the simulator, as asked: no VM is real')];
  const { status, stdout } = await run(QEMU, ['--version']);
  if (status !== 0) {
    const isAsked = config.hypervisor === 'qemu';
    const means = isAsked ? 'No VM can run.' : 'The simulator is used instead: no VM is real.';
    return [(isAsked ? problem : warning)('hypervisor', `${QEMU} is not there`, means, INSTALL)];
  }
  const version = /version (\S+)/.exec(stdout)?.[1] ?? 'of an unknown version';
  return [ok('hypervisor', `QEMU ${version}`), await accelerator(await probeAccelerator(QEMU, clock))];
};

async function accelerator(probed: Awaited<ReturnType<typeof probeAccelerator>>): Promise<Finding> {
  if ('error' in probed) {
    return problem('guest code', probed.error.message, 'No VM can boot.', `Run ${QEMU} by hand to see why.`);
  }
  if (probed.accelerator.name === 'kvm') return ok('guest code', 'runs on the processor itself (KVM)');
  const means = 'VMs work, and boot and run some ten times slower.';
  return warning('guest code', 'is translated instruction by instruction, without KVM', means, remedyForKvm());
}

function remedyForKvm(): string {
  if (!existsSync(KVM_DEVICE)) {
    return `There is no ${KVM_DEVICE}: switch virtualization on in the firmware, or nested virtualization where this host is a VM itself.`;
  }
  try {
    accessSync(KVM_DEVICE, constants.R_OK | constants.W_OK);
    return `${KVM_DEVICE} is there and runs nothing: this host is a VM whose own host offers no nested virtualization.`;
  } catch {
    return `${KVM_DEVICE} is closed to this user: usermod -aG kvm USER, then log in again.`;
  }
}
