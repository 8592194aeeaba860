import type { ActivityReading, ActivitySource, TrackedGuest } from '../../actors/contracts/activity.ts';
import type { Clock } from '../../actors/contracts/clock.ts';
import { countedUnder, type TableEntry } from '../../actors/contracts/counted-connections.ts';
import type { InstanceState } from './wire.ts';
import type { World } from './world.ts';
import { directPort, type WorldPort } from './world-port.ts';

/** How often the connections of a simulated guest are looked at, unless told otherwise. */
const LOOK_DEFAULT_MS = 1_000;
/** A simulated connection is written `SOURCE:PORT->DESTINATION_PORT`, IPv6 sources in brackets. */
const CONNECTION = /^\[?([^\]]+?)\]?:(\d+)->(?:.*:)?(\d+)$/;

export interface SimulatedActivityOptions {
  readonly world: World;
  readonly clock: Clock;
  /** Infinity: only when told to. */
  readonly lookMs?: number;
}

export interface SimulatedActivity extends ActivitySource {
  /** Looks at the connections of this instance now. */
  readonly look: (instance: string) => void;
}

interface Watch {
  readonly guest: TrackedGuest;
  readonly tell: (reading: ActivityReading) => void;
  last: string;
}

/** The connections of simulated guests, as the world was told that they are. It is looked at; it does not call. */
export function createSimulatedActivity({ world, clock, lookMs }: SimulatedActivityOptions): SimulatedActivity {
  return simulatedActivityOver(directPort(world), clock, lookMs);
}

/** The same over any way to a world. */
export function simulatedActivityOver(port: WorldPort, clock: Clock, lookMs = LOOK_DEFAULT_MS): SimulatedActivity {
  const watches = new Map<string, Set<Watch>>();
  const read = async ({ instance, policy }: TrackedGuest): Promise<ActivityReading> => {
    const answer = await port.call({ op: 'state', instance });
    if (answer.answer !== 'state') return { observer: 'lost', error: 'the simulated world did not answer' };
    return readingOf(answer.state, policy);
  };
  const lookAt = async (watch: Watch): Promise<void> => {
    const reading = await read(watch.guest).catch(
      (error: unknown): ActivityReading => ({ observer: 'lost', error: String(error) }),
    );
    const text = JSON.stringify(reading);
    if (text === watch.last || !watches.get(watch.guest.instance)?.has(watch)) return;
    watch.last = text;
    watch.tell(reading);
  };
  return {
    watch(guest, tell) {
      const watch: Watch = { guest, tell, last: '' };
      const ofInstance = watches.get(guest.instance) ?? new Set();
      watches.set(guest.instance, ofInstance.add(watch));
      const stopped = new AbortController();
      const keepLooking = async (): Promise<void> => {
        do await lookAt(watch);
        while (Number.isFinite(lookMs) && (await clock.sleep(lookMs, stopped.signal)));
      };
      void keepLooking();
      return () => {
        stopped.abort();
        ofInstance.delete(watch);
        if (ofInstance.size === 0) watches.delete(guest.instance);
      };
    },
    confirm: read,
    look(instance) {
      for (const watch of watches.get(instance) ?? []) void lookAt(watch);
    },
  };
}

function readingOf({ connections, observer }: InstanceState, policy: TrackedGuest['policy']): ActivityReading {
  if (observer === 'lost') return { observer: 'lost', error: 'the simulated observer missed events' };
  const counts = countedUnder(policy);
  return { observer: 'in_order', connections: connections.filter((key) => counts(entryOf(key))).length };
}

/** A connection that cannot be understood is one from nowhere: it counts, as what is unknown keeps a guest awake. */
function entryOf(connection: string): TableEntry {
  const [, source = '::', sourcePort, port] = CONNECTION.exec(connection) ?? [];
  return {
    protocol: 'tcp',
    original: { source, source_port: Number(sourcePort) },
    reply: { source: '', source_port: Number(port) },
    tcp_state: null,
  };
}
