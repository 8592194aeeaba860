import type { ProbeResult, Prober } from '../../actors/contracts/probe.ts';
import type { World } from './world.ts';
import { directPort, type WorldPort } from './world-port.ts';

/** Asks simulated guests of a world in this process: each answers what the world was told that its workload answers. */
export function createSimulatedProber({ world }: { readonly world: World }): Prober {
  return simulatedProberOver(directPort(world));
}

/** The same over any way to a world. A guest whose VMM does not live, or is paused, does not answer. */
export function simulatedProberOver(port: WorldPort): Prober {
  return {
    async probe({ instance, run }, _check, signal): Promise<ProbeResult> {
      if (signal.aborted) return { result: 'unavailable', error: 'the probe was withdrawn before it began' };
      const answer = await port.call({ op: 'state', instance });
      if (answer.answer !== 'state') return { result: 'unavailable', error: 'the simulated world did not answer' };
      const { live, probe } = answer.state;
      const runs = live.some((vmm) => vmm.run === run && vmm.phase === 'running');
      if (!runs) return { result: 'failed', error: 'the simulated guest does not answer' };
      if (probe === 'pass') return { result: 'passed' };
      if (probe === 'fail') return { result: 'failed', error: 'the simulated workload says that it is not well' };
      return { result: 'unavailable', error: 'the simulated workload cannot be asked' };
    },
  };
}
