import { SimulatedClock, seededRandom } from '../../../src/actors/clock.ts';
import type { ActivitySource } from '../../../src/actors/contracts/activity.ts';
import { controlSimulator } from '../../../src/adapters/simulator/control.ts';
import { createSimulatedActivity } from '../../../src/adapters/simulator/simulated-activity.ts';
import type { WorldEntry } from '../../../src/adapters/simulator/table-wire.ts';
import { createWorld } from '../../../src/adapters/simulator/world.ts';
import { directPort } from '../../../src/adapters/simulator/world-port.ts';
import { type ActivityWorld, FLOW, type Flow, GUEST, NEIGHBOUR, PROBES_FROM } from '../../contracts/activity.world.ts';

const START = Date.UTC(2026, 0, 1, 12);
/** Longer than it takes until the table is read again because nothing else happened, in simulated time. */
const PATIENCE_MS = 5_000;
const TABLE_KEPT_MS = 600_000;

/** The table itself, for a source that counts by a rule of its own. */
export interface TableBeneath {
  entries(): Promise<readonly WorldEntry[]>;
  observe(listener: () => void): () => void;
  now(): number;
}

/** Puts something else in the place of an honest source. */
export type Lie = (honest: ActivitySource, beneath: TableBeneath) => ActivitySource;

/** The world of the contract over a simulated host, whose time moves when told to. */
export async function simulatedActivityWorld(lie: Lie = (honest) => honest): Promise<ActivityWorld> {
  const clock = new SimulatedClock(START);
  const world = createWorld({ clock, random: seededRandom(1, clock) });
  const control = controlSimulator({ world, clock });
  const honest = createSimulatedActivity({ world, clock, ignoredSources: [PROBES_FROM] });
  const port = directPort(world);
  const source = lie(honest, {
    async entries() {
      const dump = await port.call({ op: 'dump', after: null });
      return dump.answer === 'dump' ? dump.entries : [];
    },
    observe: (listener) => port.observeTable?.(listener) ?? (() => undefined),
    now: () => clock.now(),
  });
  const open: ActivityWorld['open'] = async (flow, state = 'ESTABLISHED', timeout_ms = TABLE_KEPT_MS) => {
    const told = { open: textOf(flow), timeout_ms, ...(flow.protocol === 'tcp' ? { state } : {}) };
    await control.traffic(instanceOf(flow), told);
    await clock.settle();
  };
  const end: ActivityWorld['end'] = async (flow) => {
    await control.traffic(instanceOf(flow), { close: textOf(flow) });
    await clock.settle();
  };
  return {
    source,
    guest: GUEST,
    neighbour: NEIGHBOUR,
    open,
    end,
    async unheard(work) {
      await control.setTable({ events: 'lost' });
      await work();
      await control.setTable({ events: 'told' });
    },
    async overrun() {
      await control.setTable({ events: 'overrun' }, 1);
      await open({ ...FLOW, client: PROBES_FROM });
    },
    setReadable: (readable) => control.setTable({ dumps: readable ? 'ok' : 'fail' }),
    now: () => clock.now(),
    pass: (ms) => clock.advance(ms),
    patienceMs: PATIENCE_MS,
    destroy: () => source.close(),
  };
}

function instanceOf({ to }: Flow): string {
  return NEIGHBOUR.addresses.includes(to) ? NEIGHBOUR.instance : GUEST.instance;
}

function textOf({ protocol, client, client_port, to, port }: Flow): string {
  return `${protocol === 'udp' ? 'udp ' : ''}${bracketed(client)}:${client_port}->${bracketed(to)}:${port}`;
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
