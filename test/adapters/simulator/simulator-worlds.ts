import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SimulatedClock, seededRandom, systemClock } from '../../../src/actors/clock.ts';
import type { Clock } from '../../../src/actors/contracts/clock.ts';
import type { RunRef, RunSpec } from '../../../src/actors/contracts/hypervisor.ts';
import { controlSimulator, type SimulatorControl } from '../../../src/adapters/simulator/control.ts';
import { createSimulator } from '../../../src/adapters/simulator/simulator.ts';
import { createWorld, type World } from '../../../src/adapters/simulator/world.ts';
import type { WorldPlace } from '../../../src/adapters/simulator/world-place.ts';
import { worldProgram } from '../../../src/cli/simulator-world.ts';
import type { HypervisorWorld } from '../../contracts/hypervisor.contract.ts';

export function specOf(ref: RunRef, overrides: Partial<RunSpec> = {}): RunSpec {
  return {
    ...ref,
    name: `vm-${ref.instance}`,
    image: 'demo',
    vcpus: 1,
    memory_bytes: 64 * 1024 * 1024,
    network: { mode: 'none' },
    ...overrides,
  };
}

/** A simulated world in simulated time: nothing moves until the clock is advanced. */
export function simulatedScene() {
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1, 12));
  const world = createWorld({ clock, random: seededRandom(1, clock) });
  return { clock, world, control: controlSimulator({ world, clock }), hypervisor: createSimulator({ world, clock }) };
}

const STEP_MS = 100;
const STEPS_MAX = 600;

/** The hypervisor contract's world within this process, in simulated time; made worse by `spoil`. */
export async function directWorld(spoil?: (control: SimulatorControl) => Promise<void>): Promise<HypervisorWorld> {
  const { clock, world, control } = simulatedScene();
  await spoil?.(control);
  return {
    ...contractWorld(world, clock, control),
    until: async (condition, what) => {
      for (let step = 0; step < STEPS_MAX; step++) {
        if (await condition()) return;
        await clock.advance(STEP_MS);
      }
      throw new Error(`not within ${(STEPS_MAX * STEP_MS) / 1000} simulated seconds: ${what}`);
    },
    destroy: async () => {
      await control.close();
      world.end();
    },
  };
}

function contractWorld(world: World | WorldPlace, clock: Clock, control: SimulatorControl): HypervisorWorld {
  let hypervisor = createSimulator({ world, clock });
  return {
    hypervisor,
    reopen: async () => {
      await hypervisor.close();
      hypervisor = createSimulator({ world, clock });
      return hypervisor;
    },
    spec: specOf,
    guest: {
      exit: control.guestExit,
      panic: control.panic,
      reboot: control.reboot,
      powerOff: control.powerOff,
      remember: control.writeMemory,
      remembers: async (ref, text) => {
        const { live } = await control.state(ref.instance);
        return live.find((one) => one.run === ref.run)?.memory === text;
      },
    },
    damage: ({ instance, snapshot }, code) => control.damageSnapshot(instance, snapshot, code),
    now: () => clock.now(),
    vmm: { sigkill: control.sigkill },
    countVmms: control.countVmms,
    destroy: async () => {
      await hypervisor.close();
      await control.shutdownWorld();
      await control.close();
    },
  };
}

/** A data directory of its own in the system's temporary directory, with the place of a world in it. */
export async function temporaryPlace(): Promise<WorldPlace & { readonly remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'statevisor-simulator-'));
  return {
    directory,
    program: worldProgram,
    remove: () => rm(directory, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Guests in real time are quick, so that tests are. */
const HOSTED_BOOT_MS = 20;

/** The hypervisor contract's world in a process of its own, in real time. */
export async function hostedWorld(): Promise<HypervisorWorld> {
  const place = await temporaryPlace();
  const clock = systemClock();
  const control = controlSimulator({ world: place, clock });
  await control.setBootDuration('*', HOSTED_BOOT_MS);
  await control.setShutdown('*', { ms: HOSTED_BOOT_MS });
  const made = contractWorld(place, clock, control);
  return {
    ...made,
    destroy: async () => {
      await made.destroy();
      await place.remove();
    },
  };
}
