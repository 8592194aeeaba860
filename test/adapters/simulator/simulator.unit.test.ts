import { describe, expect, it } from 'vitest';
import { hypervisorChecks, hypervisorContract, runHypervisorCheck } from '../../contracts/hypervisor.contract.ts';
import { directWorld } from './simulator-worlds.ts';

hypervisorContract('the simulator within the process', () => directWorld());

/** Which rules of the contract a hypervisor breaks that answers `done` to an operation without doing it. */
async function rulesBrokenByLying(operation: 'boot' | 'pause' | 'shutdown' | 'kill' | 'inspect'): Promise<string[]> {
  const broken: string[] = [];
  for (const check of hypervisorChecks) {
    const world = (): ReturnType<typeof directWorld> =>
      directWorld((control) => control.setFault('*', operation, 'lie'));
    await runHypervisorCheck(check, world).catch(() => broken.push(check.name));
  }
  return broken;
}

describe('the hypervisor contract', () => {
  it.each(['boot', 'pause', 'shutdown', 'kill', 'inspect'] as const)(
    'is not passed by one that lies about %s',
    async (operation) => {
      expect(await rulesBrokenByLying(operation)).not.toEqual([]);
    },
  );
});
