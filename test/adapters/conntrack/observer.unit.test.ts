import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import { TCP_STATES } from '../../../src/actors/contracts/counted-connections.ts';
import { type AddressKey, keysOfText } from '../../../src/adapters/conntrack/addresses.ts';
import {
  type Dumped,
  type KernelEntry,
  type KernelTable,
  keyOfTuple,
  TableError,
  type TableListener,
} from '../../../src/adapters/conntrack/kernel-table.ts';
import { DUMP_TRIES_MAX, Observer, RECHECK_MS } from '../../../src/adapters/conntrack/observer.ts';
import type { WatchedGuest } from '../../../src/adapters/conntrack/watched-guest.ts';
import { GUEST, NEIGHBOUR } from '../../contracts/activity.world.ts';

/** The observer over a table that does what a test tells it to: what a kernel does seldom, or never when asked. */

const START = 1_000_000;
const [LOOPBACK = 0] = keysOfText('127.0.0.1');

function entry(to: string, clientPort = 40_001, state = 'ESTABLISHED'): KernelEntry {
  const [destination = 0] = keysOfText(to);
  const [source = 0] = keysOfText('203.0.113.7');
  return entryOf(
    { source, destination, protocol: 'tcp', source_port: clientPort, destination_port: 80, zone: 0 },
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

interface Scene {
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
  watch(): Promise<WatchedGuest>;
}

async function scene(): Promise<Scene> {
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
    remove: async (addresses: readonly AddressKey[]) => {
      for (const [key, { guest }] of made.entries) if (addresses.includes(guest)) made.entries.delete(key);
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
      const flow = entryOf({ ...own, protocol: 'udp', zone: 0 }, '127.0.0.1', null);
      if (made.tracks) made.entries.set(flow.key, flow);
      if (made.tracks && made.tells) queueMicrotask(() => made.listener.event(flow, 'present'));
      return { address: LOOPBACK, isOf: ({ key }) => key === flow.key };
    },
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

const CLIENT = entry('10.9.0.2');

describe('a dump', () => {
  it('is read again while the table changes under it', async () => {
    const world = await scene();
    let interruptions = 2;
    world.during = () => ({ interrupted: interruptions-- > 0 });
    const before = world.dumps;
    await world.watch();
    expect(world.dumps - before).toBe(3);
    expect(world.told).toEqual(['web 0']);
  });

  it('is given up after so many tries, tried again later, and until then nothing is known', async () => {
    const world = await scene();
    world.during = () => ({ interrupted: true });
    const before = world.dumps;
    await world.watch();
    expect(world.dumps - before).toBe(DUMP_TRIES_MAX);
    expect(world.told).toEqual(['lost: connections change faster than their table can be read']);
    world.during = () => undefined;
    await world.clock.advance(100);
    expect(world.told.slice(1)).toEqual(['web 0']);
    expect(world.observer.status()).toMatchObject({ state: 'in_order', resyncs: 1 });
  });

  it('during which events were lost tells nothing: one that was opened meanwhile is found', async () => {
    const world = await scene();
    let first = true;
    world.during = () => {
      if (!first) return undefined;
      first = false;
      world.entries.set(CLIENT.key, CLIENT);
      world.listener.overrun();
      return undefined;
    };
    await world.watch();
    expect(world.told.at(-1)).toBe('web 1');
    expect(world.told).not.toContain('web 0');
    expect(world.observer.status().losses).toBe(1);
  });

  it('is brought up to date by the events that came while it was read', async () => {
    const world = await scene();
    world.entries.set(CLIENT.key, CLIENT);
    world.during = () => {
      world.listener.event(entry('10.9.0.2', 40_001, 'TIME_WAIT'), 'present');
      world.listener.event(entry('10.9.0.2', 40_002), 'present');
      world.listener.event(entry('10.9.0.2', 40_003), 'present');
      return undefined;
    };
    const watched = await world.watch();
    expect(watched.connections).toBe(2);
  });

  it('serves all who asked before it began, and nobody who asked later', async () => {
    const world = await scene();
    const before = world.dumps;
    const early = [world.observer.confirm(GUEST), world.observer.confirm(NEIGHBOUR)];
    let late: Promise<unknown> | undefined;
    world.during = () => {
      // The one dump has been read by now: only another one can find this.
      late ??= world.observer.confirm(GUEST);
      world.entries.set(CLIENT.key, CLIENT);
      return undefined;
    };
    expect(await Promise.all(early)).toMatchObject([{ connections: 0 }, { connections: 0 }]);
    expect(await late).toMatchObject({ connections: 1 });
    expect(world.dumps - before).toBe(2);
  });
});

describe('a table', () => {
  it('is read now and then while somebody is watched, and not for nobody', async () => {
    const world = await scene();
    const before = world.dumps;
    await world.clock.advance(10 * RECHECK_MS);
    expect(world.dumps - before).toBe(0);
    const watched = await world.watch();
    await world.clock.advance(10 * RECHECK_MS);
    expect(world.dumps - before).toBeGreaterThanOrEqual(10);
    world.observer.unwatch(watched);
    const after = world.dumps;
    await world.clock.advance(10 * RECHECK_MS);
    expect(world.dumps).toBe(after);
  });
});

describe('a kernel', () => {
  it('that tracks nothing has an empty table, which is not believed', async () => {
    const world = await scene();
    world.tracks = false;
    expect(await world.observer.confirm(GUEST)).toEqual({
      observer: 'lost',
      error: 'the kernel does not track connections here: no rule of its packet filter asks for it',
    });
    expect(world.observer.status().state).toBe('lost');
  });

  it('that tells nothing of connections is not believed either', async () => {
    const world = await scene();
    world.tells = false;
    expect(await world.observer.confirm(GUEST)).toMatchObject({
      observer: 'lost',
      error: expect.stringContaining('nf_conntrack_events'),
    });
  });
});

describe('events', () => {
  it('that were lost unnoticed are made up for by a dump now and then, and counted', async () => {
    const world = await scene();
    await world.watch();
    world.entries.set(CLIENT.key, CLIENT);
    await world.clock.advance(RECHECK_MS - 1);
    expect(world.told).toEqual(['web 0']);
    await world.clock.advance(1);
    expect(world.told.slice(1)).toEqual(['web 1']);
    expect(world.observer.status()).toMatchObject({ losses: 1, resyncs: 1, state: 'in_order' });
  });

  it('of connections that came and went unnoticed make it idle since the dump, not since before', async () => {
    const world = await scene();
    const watched = await world.watch();
    const over = entry('10.9.0.2', 40_005, 'TIME_WAIT');
    world.entries.set(over.key, over);
    await world.clock.advance(RECHECK_MS);
    expect(watched.since).toBe(START + RECHECK_MS);
  });

  it('that were lost for a while make it idle since the dump after them: who came and went is not known', async () => {
    const world = await scene();
    const watched = await world.watch();
    world.during = () => {
      throw new TableError('it cannot be read');
    };
    world.listener.overrun();
    await world.clock.advance(3_600_000);
    world.during = () => undefined;
    const from = world.clock.now();
    await world.clock.advance(RECHECK_MS);
    expect(watched.since).toBeGreaterThanOrEqual(from);
  });

  it('are garbage now and then: that is counted, and changes nothing', async () => {
    const world = await scene();
    await world.watch();
    world.listener.garbage(3);
    world.listener.drained();
    expect(world.observer.status()).toMatchObject({ garbage: 3, state: 'in_order' });
  });

  it('that come no more are told as lost, and end the observer', async () => {
    const world = await scene();
    await world.watch();
    world.listener.broken(new TableError('the socket is gone'));
    expect(world.told.slice(1)).toEqual(['lost: the socket is gone', 'broken']);
  });

  it('after a loss are told to nobody until the table has been read', async () => {
    const world = await scene();
    await world.watch();
    world.during = () => {
      throw new TableError('it cannot be read');
    };
    world.listener.overrun();
    world.listener.event(CLIENT, 'present');
    world.listener.drained();
    await world.clock.settle();
    expect(world.told.slice(1).every((told) => told.startsWith('lost'))).toBe(true);
    world.entries.set(CLIENT.key, CLIENT);
    world.during = () => undefined;
    await world.clock.advance(100);
    expect(world.told.at(-1)).toBe('web 1');
  });
});
