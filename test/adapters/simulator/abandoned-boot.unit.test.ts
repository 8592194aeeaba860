import { expect, it } from 'vitest';
import { createSimulator } from '../../../src/adapters/simulator/simulator.ts';
import { wanted } from '../../contracts/hypervisor.world.ts';
import { simulatedScene, specOf } from './simulator-worlds.ts';

const RUN = { instance: 'web', run: 1 };

it('a simulated run whose daemon died before it was spawned can be booted by the next one, and then once', async () => {
  const { world, hypervisor, control, clock } = simulatedScene();
  await control.setFault('web', 'boot', { slow: 5_000 }, 1);
  void hypervisor.boot(specOf(RUN), wanted());
  await clock.advance(1_000);
  await hypervisor.close();
  const next = createSimulator({ world, clock });
  expect(await next.inspect(RUN)).toEqual({ reality: 'none' });
  expect((await next.boot(specOf(RUN), wanted())).outcome).toBe('done');
  await clock.advance(60_000);
  expect((await next.boot(specOf(RUN), wanted())).outcome).toBe('unknown');
  expect(await control.countVmms('web')).toBe(1);
  await next.close();
});
