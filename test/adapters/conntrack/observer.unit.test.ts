import { describe, expect, it } from 'vitest';
import { TableError } from '../../../src/adapters/conntrack/kernel-table.ts';
import { DUMP_TRIES_MAX, RECHECK_MS } from '../../../src/adapters/conntrack/observer.ts';
import { GUEST, NEIGHBOUR } from '../../contracts/activity.world.ts';
import { CLIENT, entry, START, scene } from './observer.world.ts';

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

  it('of a connection that was opened and ended before anybody was told say since when it is idle now', async () => {
    const world = await scene();
    const watched = await world.watch();
    await world.clock.advance(1_000);
    world.listener.event(CLIENT, 'present');
    world.listener.event(entry('10.9.0.2', 40_001, 'TIME_WAIT'), 'present');
    world.listener.drained();
    expect(world.told).toEqual(['web 0', 'web 0']);
    expect(watched.since).toBe(START + 1_000);
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
