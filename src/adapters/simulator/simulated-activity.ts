import {
  type ActivityReading,
  type ActivitySource,
  CONNECTIONS_LISTED_MAX,
  type Connection,
  type ConnectionsView,
  type ObserverStatus,
  type TrackedGuest,
} from '../../actors/contracts/activity.ts';
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

type Seen = { readonly observer: 'lost'; readonly error: string } | { readonly counted: readonly string[] };

interface Watch {
  readonly guest: TrackedGuest;
  readonly tell: (reading: ActivityReading) => void;
  last: ActivityReading | null;
  counted: readonly string[];
}

/** The connections of simulated guests, as the world was told that they are. It is looked at; it does not call. */
export function createSimulatedActivity({ world, clock, lookMs }: SimulatedActivityOptions): SimulatedActivity {
  return simulatedActivityOver(directPort(world), clock, lookMs);
}

/** The same over any way to a world. */
export function simulatedActivityOver(port: WorldPort, clock: Clock, lookMs = LOOK_DEFAULT_MS): SimulatedActivity {
  const watches = new Map<string, Set<Watch>>();
  const own = { dumps: 0, losses: 0, last_dump_at: null as number | null, error: null as string | null };

  const read = async ({ instance, policy }: TrackedGuest): Promise<Seen> => {
    const answer = await port.call({ op: 'state', instance });
    const seen = answer.answer === 'state' ? seenIn(answer.state, policy) : lost('the simulated world did not answer');
    own.dumps += 1;
    own.last_dump_at = clock.now();
    if ('observer' in seen && own.error === null) own.losses += 1;
    own.error = 'observer' in seen ? seen.error : null;
    return seen;
  };
  const lookAt = async (watch: Watch): Promise<void> => {
    const seen = await read(watch.guest).catch((error: unknown) => lost(String(error)));
    if (!watches.get(watch.guest.instance)?.has(watch)) return;
    watch.counted = 'counted' in seen ? seen.counted : [];
    const reading = readingOf(seen, clock.now(), watch.last);
    if (JSON.stringify(reading) === JSON.stringify(watch.last)) return;
    watch.last = reading;
    watch.tell(reading);
  };
  return {
    watch(guest, tell) {
      const watch: Watch = { guest, tell, last: null, counted: [] };
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
    confirm: async (guest) => readingOf(await read(guest), clock.now(), null),
    connectionsOf(instance) {
      const [watch] = watches.get(instance) ?? [];
      return watch === undefined ? undefined : viewOf(watch.counted);
    },
    status: () => statusOf(own, watches.values()),
    // A simulated guest takes its connections with it: there is no entry of a former one.
    forget: async () => {},
    close: async () => watches.clear(),
    look(instance) {
      for (const watch of watches.get(instance) ?? []) void lookAt(watch);
    },
  };
}

const lost = (error: string): Seen => ({ observer: 'lost', error });

function seenIn({ connections, observer }: InstanceState, policy: TrackedGuest['policy']): Seen {
  if (observer === 'lost') return lost('the simulated observer missed events');
  const counts = countedUnder(policy);
  return { counted: connections.filter((key) => counts(entryOf(key))) };
}

/** None or some: as long as that is the same, so is the instant since when. */
function readingOf(seen: Seen, now: number, last: ActivityReading | null): ActivityReading {
  if ('observer' in seen) return seen;
  const connections = seen.counted.length;
  const same = last?.observer === 'in_order' && last.connections > 0 === connections > 0;
  return { observer: 'in_order', connections, since: same ? last.since : now };
}

function statusOf(
  own: { dumps: number; losses: number; last_dump_at: number | null; error: string | null },
  watches: Iterable<ReadonlySet<Watch>>,
): ObserverStatus {
  let entries = 0;
  for (const ofInstance of watches) for (const { counted } of ofInstance) entries += counted.length;
  const none = { events: 0, garbage: 0, resyncs: 0, last_dump_ms: null };
  return { mode: 'simulated', state: own.error === null ? 'in_order' : 'lost', entries, ...none, ...own };
}

function viewOf(counted: readonly string[]): ConnectionsView {
  return { connections: counted.length, listed: counted.slice(0, CONNECTIONS_LISTED_MAX).map(toConnection) };
}

function toConnection(text: string): Connection {
  const [, client = text, clientPort = '0', port = '0'] = CONNECTION.exec(text) ?? [];
  return { protocol: 'tcp', client, client_port: Number(clientPort), port: Number(port), state: 'ESTABLISHED' };
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
