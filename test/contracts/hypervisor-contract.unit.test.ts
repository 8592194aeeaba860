import { describe, expect, it } from 'vitest';
import { directWorld } from '../adapters/simulator/simulator-worlds.ts';
import { hypervisorChecks, runHypervisorCheck } from './hypervisor.contract.ts';
import { lyingHypervisors } from './lying-hypervisors.ts';

const LIMIT_MS = 60_000;

describe('the hypervisor contract', () => {
  for (const { lie, breaks, make } of lyingHypervisors) {
    it(`notices a hypervisor that ${lie}`, { timeout: LIMIT_MS }, async () => {
      const check = hypervisorChecks.find((one) => one.name === breaks);
      if (check === undefined) throw new Error(`no check is called: ${breaks}`);
      await expect(runHypervisorCheck(check, make)).rejects.toThrow();
      await runHypervisorCheck(check, () => directWorld());
    });
  }

  it('has a liar for each of its checks', () => {
    const noticed = new Set(lyingHypervisors.map((liar) => liar.breaks));
    expect(hypervisorChecks.map((check) => check.name).filter((name) => !noticed.has(name))).toEqual([]);
  });
});
