import type {
  ActivityReading,
  ActivitySource,
  ConnectionsView,
  ObserverStatus,
  TrackedGuest,
} from '../../src/actors/contracts/activity.ts';

/** A source of traffic that says what a test tells it to, when it tells it to. */
export interface ScriptedActivity extends ActivitySource {
  /** Guests that are watched right now, oldest first. */
  readonly watched: TrackedGuest[];
  readonly confirmed: TrackedGuest[];
  readonly forgotten: string[][];
  /** Tells whoever watches this instance, and whoever begins to. */
  readonly say: (instance: string, reading: ActivityReading) => void;
  /** What the next dumps hold. */
  readonly table: { read: (guest: TrackedGuest) => Promise<ActivityReading> };
}

const IN_ORDER: ObserverStatus = {
  mode: 'netlink',
  state: 'in_order',
  error: null,
  entries: 0,
  events: 0,
  losses: 0,
  garbage: 0,
  resyncs: 0,
  dumps: 0,
  last_dump_ms: null,
  last_dump_at: null,
};

function viewOf(reading: ActivityReading | undefined): ConnectionsView | undefined {
  if (reading?.observer !== 'in_order') return undefined;
  return { connections: reading.connections, listed: [] };
}

export function scriptedActivity(overrides: Partial<ActivitySource> = {}): ScriptedActivity {
  const tellers = new Map<TrackedGuest, (reading: ActivityReading) => void>();
  const said = new Map<string, ActivityReading>();
  const source: ScriptedActivity = {
    watched: [],
    confirmed: [],
    forgotten: [],
    table: { read: async () => ({ observer: 'in_order', connections: 0, since: 0 }) },
    watch(guest, tell) {
      source.watched.push(guest);
      tellers.set(guest, tell);
      const known = said.get(guest.instance);
      if (known !== undefined) queueMicrotask(() => tellers.get(guest)?.(known));
      return () => {
        source.watched.splice(source.watched.indexOf(guest), 1);
        tellers.delete(guest);
      };
    },
    confirm(guest) {
      source.confirmed.push(guest);
      return source.table.read(guest);
    },
    connectionsOf: (instance) => viewOf(said.get(instance)),
    status: () => IN_ORDER,
    forget: async (addresses) => void source.forgotten.push([...addresses]),
    close: async () => tellers.clear(),
    say(instance, reading) {
      said.set(instance, reading);
      for (const [guest, tell] of tellers) if (guest.instance === instance) tell(reading);
    },
    ...overrides,
  };
  return source;
}
