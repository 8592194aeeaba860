import { describe, expect, it } from 'vitest';
import { simulatedNetworkWorld } from '../adapters/simulator/simulated-network.world.ts';
import { runCheck } from './contract-suite.ts';
import { lyingNetworks } from './lying-networks.ts';
import { networkChecks } from './network.contract.ts';

describe('the network contract', () => {
  for (const { lie, breaks, make } of lyingNetworks) {
    it(`notices a network that ${lie}`, async () => {
      const check = networkChecks.find((one) => one.name === breaks);
      if (check === undefined) throw new Error(`no check is called: ${breaks}`);
      await expect(runCheck(check, make)).rejects.toThrow();
      await runCheck(check, () => simulatedNetworkWorld());
    });
  }

  it('has a liar for each of its checks', () => {
    const noticed = new Set(lyingNetworks.map((liar) => liar.breaks));
    expect(networkChecks.map((check) => check.name).filter((name) => !noticed.has(name))).toEqual([]);
  });
});
