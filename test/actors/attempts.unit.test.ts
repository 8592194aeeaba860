import { describe, expect, test } from 'vitest';
import type { FaultInjector } from '../../src/actors/fault-points.ts';
import { bootsOf, ON_FAILURE, OPERATOR, runningInstance, simulatedHost } from './simulated-host.ts';

/** An attempt, its boot and the number of its run are one record: whatever dies in between, it is one attempt. */

describe('an attempt whose daemon dies before anything was spawned', () => {
  /** Nothing that was asked of the hypervisor after the first boot reaches it while this holds. */
  function holdingBoots(): { readonly faults: FaultInjector; readonly hold: () => void } {
    let holding = false;
    const never = new Promise<void>(() => {});
    const faults: FaultInjector = (point, { subject }) =>
      holding && point === 'effect_begun' && subject === 'vmm.boot' ? never : undefined;
    return {
      faults,
      hold: () => {
        holding = true;
      },
    };
  }

  test('is carried out by the next daemon: the same attempt, the same run', async () => {
    const { faults, hold } = holdingBoots();
    const host = await simulatedHost({ faults });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    hold();
    await host.control.guestExit(id, 1);
    await host.clock.settle();
    expect(host.instances.get(id)).toMatchObject({ phase: 'booting', run: 2, restart_status: { attempts: 1 } });
    await host.restart({ faults: undefined });
    await host.clock.advance(5_000);
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 2, restart_status: { attempts: 1 } });
    expect(await bootsOf(host, id)).toBe(2);
  });

  test('is withdrawn when somebody stops the instance before the next daemon has looked', async () => {
    const { faults, hold } = holdingBoots();
    const host = await simulatedHost({ faults });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    hold();
    await host.control.guestExit(id, 1);
    await host.clock.settle();
    await host.supervisor.command(id, { type: 'stop', by: 'operator' }, OPERATOR);
    await host.restart({ faults: undefined });
    await host.clock.advance(600_000);
    expect(host.instances.get(id)).toMatchObject({ state: 'Stopped', wanted: 'stopped' });
    expect(await bootsOf(host, id)).toBe(1);
  });
});

describe('the restarts of one instance', () => {
  test('are kept waiting by no other one whose boot takes long', async () => {
    const host = await simulatedHost();
    const slow = await runningInstance(host, { name: 'slow', restart_policy: ON_FAILURE });
    const web = await runningInstance(host, { name: 'web', restart_policy: ON_FAILURE });
    await host.control.setFault(slow, 'boot', { slow: 50_000 }, 1);
    await host.control.guestExit(slow, 1);
    await host.clock.settle();
    await host.control.guestExit(web, 1);
    await host.clock.advance(3_000);
    expect(host.instances.get(slow)).toMatchObject({ phase: 'booting' });
    expect(host.instances.get(web)).toMatchObject({ state: 'Running', run: 2 });
  });
});
