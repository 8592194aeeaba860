import { describe, expect, it } from 'vitest';
import { simulatedProberWorld } from '../adapters/simulator/simulated-prober.world.ts';
import { runCheck } from './contract-suite.ts';
import { lyingProbers } from './lying-probers.ts';
import { proberChecks } from './prober.contract.ts';

describe('the prober contract', () => {
  // Those that wait for ever are waited for as long as a check waits.
  for (const { lie, breaks, make } of lyingProbers) {
    it(`notices a prober that ${lie}`, { timeout: 60_000 }, async () => {
      const check = proberChecks.find((one) => one.name === breaks);
      if (check === undefined) throw new Error(`no check is called: ${breaks}`);
      await expect(runCheck(check, make)).rejects.toThrow();
      await runCheck(check, () => simulatedProberWorld());
    });
  }

  it('has a liar for each of its checks', () => {
    const noticed = new Set(lyingProbers.map((liar) => liar.breaks));
    expect(proberChecks.map((check) => check.name).filter((name) => !noticed.has(name))).toEqual([]);
  });
});
