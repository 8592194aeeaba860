import { describe, expect, it } from 'vitest';
import { SimulatedClock, seededRandom } from '../../../src/actors/clock.ts';
import type { Observation } from '../../../src/actors/contracts/hypervisor.ts';
import { SimulationRefused } from '../../../src/adapters/simulator/control.ts';
import { type JournalLine, memoryJournal } from '../../../src/adapters/simulator/journal.ts';
import { createSimulator, simulatorOver } from '../../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../../src/adapters/simulator/world.ts';
import { directPort } from '../../../src/adapters/simulator/world-port.ts';
import { wanted } from '../../contracts/hypervisor.world.ts';
import { simulatedScene, specOf } from './simulator-worlds.ts';

const RUN = { instance: 'web', run: 1 };
const NEXT = { instance: 'web', run: 2 };

function watched() {
  const scene = simulatedScene();
  const seen: Observation[] = [];
  scene.hypervisor.observe((observation) => seen.push(observation));
  return { ...scene, seen, types: () => seen.map(({ type }) => type) };
}

describe('a simulated run', () => {
  it('is ready after its boot duration and no sooner', async () => {
    const { hypervisor, control, clock, types } = watched();
    await control.setBootDuration('web', 5_000);
    await hypervisor.boot(specOf(RUN), wanted());
    await clock.advance(4_999);
    expect(types()).toEqual([]);
    await clock.advance(1);
    expect(types()).toEqual(['guest.ready']);
  });

  it('keeps its boot duration still while it is paused', async () => {
    const { hypervisor, clock, types } = watched();
    await hypervisor.boot(specOf(RUN), wanted());
    await clock.advance(600);
    await hypervisor.pause(RUN, wanted());
    await clock.advance(10_000);
    expect(types()).toEqual([]);
    await hypervisor.resume(RUN, wanted());
    await clock.advance(399);
    expect(types()).toEqual([]);
    await clock.advance(1);
    expect(types()).toEqual(['guest.ready']);
  });

  it('becomes ready again after a reboot, in the same run with the same VMM', async () => {
    const { hypervisor, control, clock, types } = watched();
    await hypervisor.boot(specOf(RUN), wanted());
    await clock.advance(2_000);
    const before = (await control.state('web')).live;
    await control.reboot('web');
    expect(await hypervisor.inspect(RUN)).toEqual({ reality: 'running', ready: false });
    await clock.advance(2_000);
    expect(types()).toEqual(['guest.ready', 'guest.rebooted', 'guest.ready']);
    expect((await control.state('web')).live).toEqual(before);
  });

  it('that rebooted while nobody observed it says so to whoever adopts it, and not to the one after', async () => {
    const { world, hypervisor, control, clock } = watched();
    await hypervisor.boot(specOf(RUN), wanted());
    await clock.advance(2_000);
    await hypervisor.close();
    await control.reboot('web');
    await clock.advance(2_000);
    const second = createSimulator({ world, clock });
    const rebooted = { reality: 'running', ready: true, rebooted: true };
    expect(await second.inspect(RUN)).toEqual(rebooted);
    expect(await second.adopt(RUN)).toEqual(rebooted);
    await second.close();
    const third = createSimulator({ world, clock });
    expect(await third.inspect(RUN)).toEqual({ reality: 'running', ready: true });
    expect(await third.adopt(RUN)).toEqual({ reality: 'running', ready: true });
  });

  it.each([
    ['a signal to the workload', 'signal', 9, { reason: 'power_off', code: 137 }],
    ['a crash of the VMM', 'crash', undefined, { reason: 'crashed', code: null }],
    ['an end without a reason', 'vanish', undefined, { reason: 'unknown', code: null }],
  ] as const)('ends by %s and tells why', async (_, deed, argument, expected) => {
    const { hypervisor, control, seen } = watched();
    await hypervisor.boot(specOf(RUN), wanted());
    await control[deed]('web', argument as never);
    expect(seen).toMatchObject([{ type: 'vmm.exited', ...RUN, ...expected }]);
    expect(await hypervisor.inspect(RUN)).toMatchObject({ reality: 'ended', ...expected });
  });

  it('ignores a request to shut down when told so, and is still killed', async () => {
    const { hypervisor, control, clock } = watched();
    await control.setShutdown('web', { ignored: true });
    await hypervisor.boot(specOf(RUN), wanted());
    expect((await hypervisor.shutdown(RUN, wanted())).outcome).toBe('done');
    await clock.advance(3_600_000);
    expect(await control.countVmms('web')).toBe(1);
    expect(await hypervisor.kill(RUN, wanted())).toMatchObject({ outcome: 'done', ended: { reason: 'killed' } });
  });

  it('can be told nothing by its guest while it is paused or over', async () => {
    const { hypervisor, control } = watched();
    await expect(control.guestExit('web', 1)).rejects.toThrow(SimulationRefused);
    await hypervisor.boot(specOf(RUN), wanted());
    await hypervisor.pause(RUN, wanted());
    await expect(control.panic('web')).rejects.toMatchObject({ code: 'paused' });
    await control.sigkill('web');
    await expect(control.sigkill(RUN)).rejects.toMatchObject({ code: 'not_running' });
  });

  it('keeps its memory through a snapshot and a restore in a later run, ready at once', async () => {
    const { hypervisor, control, clock, types } = watched();
    await hypervisor.boot(specOf(RUN), wanted());
    await clock.advance(2_000);
    await control.writeMemory('web', 'counted to 41');
    expect(await hypervisor.snapshot(RUN, { snapshot: 's' }, wanted())).toMatchObject({ outcome: 'failed' });
    await hypervisor.pause(RUN, wanted());
    expect((await hypervisor.snapshot(RUN, { snapshot: 's' }, wanted())).outcome).toBe('done');
    await hypervisor.kill(RUN, wanted());
    expect((await hypervisor.restore(specOf(NEXT), { snapshot: 's' }, wanted())).outcome).toBe('done');
    expect((await control.state('web')).live).toMatchObject([{ run: 2, phase: 'running', memory: 'counted to 41' }]);
    await clock.advance(1);
    expect(types()).toEqual(['guest.ready', 'vmm.exited', 'guest.ready']);
    await hypervisor.dropSnapshot('web', { snapshot: 's' });
    expect((await control.state('web')).snapshots).toEqual([]);
  });

  it('is started once also when its story is long forgotten', async () => {
    const { hypervisor } = watched();
    for (let run = 1; run <= 100; run++) {
      await hypervisor.boot(specOf({ ...RUN, run }), wanted());
      await hypervisor.kill({ ...RUN, run }, wanted());
    }
    expect((await hypervisor.boot(specOf(RUN), wanted())).outcome).toBe('unknown');
    expect(await hypervisor.inspect(RUN)).toMatchObject({ reality: 'ended', reason: 'unknown' });
  });
});

describe('the simulated host', () => {
  it('ends every run by a reboot and has a new boot id', async () => {
    const { hypervisor, control, seen } = watched();
    await hypervisor.boot(specOf(RUN), wanted());
    await hypervisor.boot(specOf({ instance: 'db', run: 1 }), wanted());
    const before = (await control.state('web')).boot_id;
    await control.hostReboot();
    expect(seen.map((one) => 'reason' in one && one.reason)).toEqual(['host_reboot', 'host_reboot']);
    expect((await control.state('web')).boot_id).not.toBe(before);
  });

  it('keeps what workloads answer and who is connected', async () => {
    const { control } = watched();
    await control.setProbe('*', 'fail');
    await control.setProbe('db', 'unavailable');
    await control.traffic('web', { open: 'a' });
    await control.traffic('web', { open: 'b' });
    await control.traffic('web', { close: 'a' });
    await control.traffic('web', { observer: 'lost' });
    expect(await control.state('web')).toMatchObject({ probe: 'fail', connections: ['b'], observer: 'lost' });
    expect(await control.state('db')).toMatchObject({ probe: 'unavailable', connections: [], observer: 'in_order' });
  });

  it('does what is foolish, two VMMs of one instance, and its journal shows them both', async () => {
    const { hypervisor, control } = watched();
    await hypervisor.boot(specOf(RUN), wanted('web/1/0'));
    await hypervisor.boot(specOf(NEXT), wanted('web/2/0'));
    expect(await control.countVmms('web')).toBe(2);
    const spawned = (await control.journal()).filter(({ type }) => type === 'vmm.spawned');
    expect(spawned).toMatchObject([{ effect: 'web/1/0' }, { effect: 'web/2/0' }]);
  });
});

describe('the journal', () => {
  it('tells each spawn and end in order, with who asked and when', async () => {
    const { hypervisor, control, clock } = watched();
    await hypervisor.boot(specOf(RUN), wanted('web/1/0'));
    await hypervisor.boot(specOf(RUN), wanted('web/1/1'));
    await clock.advance(2_000);
    await hypervisor.kill(RUN, wanted('web/2/0'));
    await hypervisor.boot(specOf(NEXT), wanted('web/3/0'));
    await control.guestExit('web', 0);
    const started = Date.UTC(2026, 0, 1, 12);
    const lines = await control.journal();
    expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(lines).toMatchObject([
      { type: 'world.started', at: started },
      { type: 'vmm.spawned', ...RUN, pid: 10_000_001, effect: 'web/1/0', from: null, at: started },
      { type: 'spawn.refused', ...RUN, effect: 'web/1/1' },
      { type: 'kill.asked', ...RUN, effect: 'web/2/0', at: started + 2_000 },
      { type: 'vmm.ended', ...RUN, pid: 10_000_001, reason: 'killed', by: 'web/2/0', ended_at: started + 2_000 },
      { type: 'vmm.spawned', ...NEXT, pid: 10_000_002, effect: 'web/3/0' },
      { type: 'vmm.ended', ...NEXT, reason: 'power_off', code: 0, by: 'guest' },
    ]);
  });

  it('lets a later world know which runs are over, and that nothing of the former lives', async () => {
    const first = watched();
    await first.hypervisor.boot(specOf(RUN), wanted());
    await first.control.guestExit('web', 5);
    await first.hypervisor.boot(specOf(NEXT), wanted());
    const clock = new SimulatedClock(first.clock.now());
    const earlier: readonly JournalLine[] = await first.control.journal();
    const world = createWorld({ clock, random: seededRandom(2, clock), journal: { ...memoryJournal(), earlier } });
    const hypervisor = createSimulator({ world, clock });
    expect(await hypervisor.inspect(RUN)).toMatchObject({ reality: 'ended', reason: 'power_off', code: 5 });
    expect(await hypervisor.inspect(NEXT)).toMatchObject({ reality: 'ended', reason: 'unknown', ended_at: null });
    expect((await hypervisor.boot(specOf(NEXT), wanted())).outcome).toBe('unknown');
    expect(await hypervisor.boot(specOf({ ...RUN, run: 3 }), wanted())).toMatchObject({ result: { pid: 10_000_003 } });
  });
});

describe('the simulator', () => {
  it('knows the image demo and those whose names begin with sim-', async () => {
    const ENOUGH = 64 * 1024 ** 2;
    const { hypervisor } = simulatedScene();
    expect(await hypervisor.checkImage('demo', ENOUGH)).toBeNull();
    expect(await hypervisor.checkImage('sim-web', ENOUGH)).toBeNull();
    expect(await hypervisor.checkImage('debian', ENOUGH)).toMatchObject({ code: 'image_not_found' });
  });

  it('never acts again once it is closed, whatever it was in the middle of', async () => {
    const { hypervisor, control, clock } = watched();
    await control.setFault('web', 'boot', { slow: 5_000 });
    const pending = hypervisor.boot(specOf(RUN), wanted());
    await clock.advance(1_000);
    await hypervisor.close();
    await clock.advance(10_000);
    expect((await pending).outcome).toBe('failed');
    expect(await control.countVmms('web')).toBe(0);
    expect((await control.journal()).map(({ type }) => type)).toEqual(['world.started']);
  });

  it('observes only what it booted or adopted', async () => {
    const { world, clock, hypervisor, control } = watched();
    const other = createSimulator({ world, clock });
    const seen: Observation[] = [];
    other.observe((observation) => seen.push(observation));
    await hypervisor.boot(specOf(RUN), wanted());
    await hypervisor.boot(specOf({ instance: 'db', run: 1 }), wanted());
    await other.adopt(RUN);
    await clock.advance(2_000);
    await control.panic('web');
    await control.panic('db');
    expect(seen).toMatchObject([
      { type: 'guest.ready', ...RUN },
      { type: 'vmm.exited', ...RUN },
    ]);
  });

  it('tells of ends it could not hear as soon as the world can be asked about them', async () => {
    const { world, clock, control } = watched();
    const port = directPort(world);
    let comeBack = (): void => {};
    let hear = (_: Observation): void => {};
    const torn = {
      ...port,
      observe: (listener: typeof hear) => {
        hear = listener;
        return () => {};
      },
      onReturn: (listener: () => void) => {
        comeBack = listener;
      },
    };
    const hypervisor = simulatorOver(torn, clock);
    const seen: Observation[] = [];
    hypervisor.observe((observation) => seen.push(observation));
    await hypervisor.boot(specOf(RUN), wanted());
    await hypervisor.boot(specOf({ instance: 'db', run: 1 }), wanted());
    await clock.advance(2_000);
    await control.guestExit('web', 4);
    await control.setFault('web', 'inspect', 'fail', 2);
    comeBack();
    await clock.advance(500);
    expect(seen).toMatchObject([{ type: 'guest.ready', instance: 'db' }]);
    await clock.advance(5_000);
    expect(seen.slice(1)).toMatchObject([{ type: 'vmm.exited', ...RUN, reason: 'power_off', code: 4 }]);
    hear({ type: 'guest.ready', ...RUN, occurred_at: 0 });
    expect(seen.length).toBe(2);
  });

  it('tells of a boot before it tells what followed it', async () => {
    const { hypervisor, control, clock, types } = watched();
    await control.setBootDuration('web', 0);
    let seenWhenBooted = -1;
    const booted = hypervisor.boot(specOf(RUN), wanted()).then(() => {
      seenWhenBooted = types().length;
    });
    await clock.advance(10);
    await booted;
    await clock.settle();
    expect(seenWhenBooted).toBe(0);
    expect(types()).toEqual(['guest.ready']);
  });
});
