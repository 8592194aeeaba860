import { SimulatedClock } from '../../../src/actors/clock.ts';
import { TCP_STATES } from '../../../src/actors/contracts/counted-connections.ts';
import { type AddressKey, keysOfText } from '../../../src/adapters/conntrack/addresses.ts';
import {
  type Dumped,
  type KernelEntry,
  type KernelTable,
  keyOfTuple,
  type TableListener,
} from '../../../src/adapters/conntrack/kernel-table.ts';
import { Observer, RECHECK_MS } from '../../../src/adapters/conntrack/observer.ts';
import type { TableRoom } from '../../../src/adapters/conntrack/table-room.ts';
import type { WatchedGuest } from '../../../src/adapters/conntrack/watched-guest.ts';
import { GUEST } from '../../contracts/activity.world.ts';

/** The observer over a table that does what a test tells it to: what a kernel does seldom, or never when asked. */

export const START = 1_000_000;
const [LOOPBACK = 0] = keysOfText('127.0.0.1');

export function entry(to: string, clientPort = 40_001, state = 'ESTABLISHED'): KernelEntry {
  const [destination = 0] = keysOfText(to);
  const [source = 0] = keysOfText('203.0.113.7');
  return entryOf(
    { source, destination, protocol: 'tcp', source_port: clientPort, destination_port: 80, zone: 0, original_zone: 0 },
    to,
    state,
  );
}

function entryOf(tuple: KernelEntry['tuple'], guest: string, state: string | null): KernelEntry {
  return {
    key: keyOfTuple(tuple),
    tuple,
    guest: tuple.destination,
    protocol: tuple.protocol,
    original: { source: '203.0.113.7', source_port: tuple.source_port },
    reply: { source: guest, source_port: tuple.destination_port },
    id: tuple.source_port,
    timeout_s: 600,
    tcp_state: state === null ? null : (TCP_STATES as readonly string[]).indexOf(state),
    occurred_at: null,
  };
}

export interface Scene {
  readonly entries: Map<string, KernelEntry>;
  readonly told: string[];
  readonly observer: Observer;
  readonly clock: SimulatedClock;
  listener: TableListener;
  dumps: number;
  /** What happens while a dump is read, and how it ends. */
  during: () => Partial<Dumped> | undefined;
  tracks: boolean;
  tells: boolean;
  room: TableRoom | null;
  watch(): Promise<WatchedGuest>;
}

export async function scene(): Promise<Scene> {
  const clock = new SimulatedClock(START);
  let port = 50_000;
  const made = {
    entries: new Map<string, KernelEntry>(),
    told: [] as string[],
    clock,
    dumps: 0,
    during: (): Partial<Dumped> | undefined => undefined,
    tracks: true,
    tells: true,
    room: { entries: 2, max: 100, sacrificed: 7 },
  } as Scene;
  const table: KernelTable = {
    mode: 'netlink',
    pollMs: null,
    async dump(sink) {
      made.dumps += 1;
      for (const one of made.entries.values()) if (sink.concerns(one.guest)) sink.entry(one);
      return { entries: made.entries.size, interrupted: false, ...made.during() };
    },
    caughtUp: () => clock.turn(),
    remove: async (addresses: readonly AddressKey[], isInTime: (address: AddressKey) => boolean) => {
      for (const [key, { guest }] of made.entries) {
        if (addresses.includes(guest) && isInTime(guest)) made.entries.delete(key);
      }
    },
    close: () => Promise.resolve(),
  };
  const observer = new Observer({
    clock,
    table: async (listener) => {
      made.listener = listener;
      return table;
    },
    async sendToSelf(family) {
      if (family === 'IPv6') return null;
      port += 1;
      const own = { source: LOOPBACK, destination: LOOPBACK, source_port: port, destination_port: port };
      const flow = entryOf({ ...own, protocol: 'udp', zone: 0, original_zone: 0 }, '127.0.0.1', null);
      if (made.tracks) made.entries.set(flow.key, flow);
      if (made.tracks && made.tells) queueMicrotask(() => made.listener.event(flow, 'present'));
      return { address: LOOPBACK, isOf: ({ key }) => key === flow.key };
    },
    readRoom: async () => made.room,
    ignoredSources: [],
    recheckMs: RECHECK_MS,
    told: {
      changed: (guests) => made.told.push(...guests.map((guest) => `${guest.guest.instance} ${guest.connections}`)),
      lost: (error) => made.told.push(`lost: ${error}`),
      broken: () => made.told.push('broken'),
    },
  });
  await observer.open();
  await clock.settle();
  return Object.assign(made, {
    observer,
    watch: async () => {
      const watched = observer.watch(GUEST);
      await clock.settle();
      return watched;
    },
  });
}

export const CLIENT = entry('10.9.0.2');
