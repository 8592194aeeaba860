import { describe, expect, it } from 'vitest';
import { simulatedActivityWorld } from '../adapters/simulator/simulated-activity.world.ts';
import { activityChecks, briefChecks } from './activity.contract.ts';
import { lossChecks, removalChecks } from './activity-loss.contract.ts';
import { runCheck } from './contract-suite.ts';
import { lyingSources } from './lying-activity.ts';

const checks = [...activityChecks, ...briefChecks, ...removalChecks, ...lossChecks];

describe('the activity contract', () => {
  for (const { lie, breaks, make } of lyingSources) {
    it(`notices a source that ${lie}`, async () => {
      const check = checks.find((one) => one.name === breaks);
      if (check === undefined) throw new Error(`no check is called: ${breaks}`);
      await expect(runCheck(check, make)).rejects.toThrow();
      await runCheck(check, () => simulatedActivityWorld());
    });
  }

  it('has a liar for each of its checks', () => {
    const noticed = new Set(lyingSources.map((liar) => liar.breaks));
    expect(checks.map((check) => check.name).filter((name) => !noticed.has(name))).toEqual([]);
  });
});
