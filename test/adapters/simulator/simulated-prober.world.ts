import { SimulatedClock, seededRandom } from '../../../src/actors/clock.ts';
import type { ProbedGuest, Prober } from '../../../src/actors/contracts/probe.ts';
import { controlSimulator } from '../../../src/adapters/simulator/control.ts';
import { simulatedProberOver } from '../../../src/adapters/simulator/simulated-prober.ts';
import { createSimulator } from '../../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../../src/adapters/simulator/world.ts';
import { directPort, type WorldPort } from '../../../src/adapters/simulator/world-port.ts';
import { checkOf, type ProberWorld, type Workload } from '../../contracts/prober.world.ts';
import { specOf } from './simulator-worlds.ts';

/** What a prober that lies about the world gets to know of it. */
export interface SimulatedQuestions {
  workload: Workload;
  asked: number;
  open: number;
}

const [GUEST, NEIGHBOUR, UNASKABLE] = ['guest', 'neighbour', 'unaskable'] as const;
const BOOT_LIMIT_MS = 60_000;
/** Nothing of a simulated world takes longer than some turns of the event loop. */
const PATIENCE_MS = 200;

/** The prober contract's world on the simulator, with the prober made worse by `spoil`. */
export async function simulatedProberWorld(
  spoil: (honest: Prober, questions: SimulatedQuestions) => Prober = (honest) => honest,
): Promise<ProberWorld> {
  const clock = new SimulatedClock(Date.UTC(2026, 0, 1, 12));
  const world = createWorld({ clock, random: seededRandom(1, clock) });
  const control = controlSimulator({ world, clock });
  const hypervisor = createSimulator({ world, clock });
  for (const instance of [GUEST, NEIGHBOUR, UNASKABLE]) {
    const booted = hypervisor.boot(specOf({ instance, run: 1 }), {
      effect: `${instance}/1/0`,
      stillWanted: () => true,
      signal: new AbortController().signal,
    });
    await clock.advance(BOOT_LIMIT_MS);
    await booted;
  }
  await control.setProbe(UNASKABLE, 'unavailable');
  const questions: SimulatedQuestions = { workload: 'well', asked: 0, open: 0 };
  return {
    prober: spoil(simulatedProberOver(counting(directPort(world), questions)), questions),
    clock,
    check: checkOf({ type: 'tcp', port: 80 }),
    guest: guestOf(GUEST),
    neighbour: guestOf(NEIGHBOUR),
    unaskable: guestOf(UNASKABLE),
    become: async (workload) => {
      questions.workload = workload;
      // Simulated time has no length, so a guest that does not answer is known at once.
      if (workload === 'silent') await control.sigkill(GUEST);
      else await control.setProbe(GUEST, workload === 'well' ? 'pass' : 'fail');
    },
    patienceMs: PATIENCE_MS,
    asked: () => questions.asked,
    open: () => questions.open,
    destroy: async () => {
      await hypervisor.close();
      await control.close();
      world.end();
    },
  };
}

function guestOf(instance: string): ProbedGuest {
  return { instance, run: 1, address: null, ports: [] };
}

function counting(port: WorldPort, questions: SimulatedQuestions): WorldPort {
  return {
    ...port,
    call: async (request) => {
      const isOfGuest = 'instance' in request && request.instance === GUEST;
      if (!isOfGuest) return port.call(request);
      questions.asked += 1;
      questions.open += 1;
      return port.call(request).finally(() => {
        questions.open -= 1;
      });
    },
  };
}
