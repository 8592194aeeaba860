import { describe, expect, it } from 'vitest';
import { RECHECK_MS } from '../../../src/adapters/conntrack/observer.ts';
import type { TableRoom } from '../../../src/adapters/conntrack/table-room.ts';
import { GUEST } from '../../contracts/activity.world.ts';
import { START, scene } from './observer.world.ts';

describe('a table without room', () => {
  const roomOf = (entries: number, sacrificed: number | null): TableRoom => ({ entries, max: 100, sacrificed });

  it('tells nothing of who it lacks, until it has room again: idle is then whoever has nobody, since then', async () => {
    const world = await scene();
    const watched = await world.watch();
    world.room = roomOf(95, 7);
    expect(await world.observer.confirm(GUEST)).toEqual({
      observer: 'lost',
      error: "the kernel's table of connections is full (95 of 100): raise net.netfilter.nf_conntrack_max",
    });
    expect(world.told.at(-1)).toContain('lost: ');
    const before = world.dumps;
    await world.clock.advance(60_000);
    expect({ state: world.observer.status().state, dumps: world.dumps }).toEqual({ state: 'lost', dumps: before });
    world.room = roomOf(94, 7);
    await world.clock.advance(RECHECK_MS);
    expect([world.told.at(-1), world.observer.status().state]).toEqual(['web 0', 'in_order']);
    expect(watched.since).toBeGreaterThanOrEqual(START + 60_000);
  });

  it('has forgotten connections that are open, when the kernel says that it made room: also while it was being read', async () => {
    const world = await scene();
    await world.watch();
    world.during = () => {
      world.during = () => undefined;
      world.room = roomOf(50, 8);
      return undefined;
    };
    expect(await world.observer.confirm(GUEST)).toMatchObject({
      observer: 'lost',
      error: expect.stringContaining('was full, and connections were forgotten'),
    });
    await world.clock.advance(RECHECK_MS);
    expect(await world.observer.confirm(GUEST)).toMatchObject({ observer: 'in_order', connections: 0 });
  });

  it('is not known where the kernel does not say how full it is, or sets no limit: then it is believed', async () => {
    const world = await scene();
    const unbounded = { entries: 1_000_000, max: 0, sacrificed: 7 };
    for (const room of [null, roomOf(94, null), roomOf(94, 7), unbounded]) {
      world.room = room;
      expect(await world.observer.confirm(GUEST)).toMatchObject({ observer: 'in_order' });
    }
  });
});
