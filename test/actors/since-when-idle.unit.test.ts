/** Goal: the idle time begins with the last client, whoever has heard of it and when, and with nothing else. Method: the real runtime, told of traffic by a script. */
import { describe, expect, test } from 'vitest';
import { IDLE_EDGE_SETTLE_MS } from '../../src/actors/tracking/traffic-tracking.ts';
import { scriptedActivity } from './scripted-activity.ts';
import { OPERATOR } from './simulated-host.ts';
import { auto_standby, edges, tracked } from './tracked-host.ts';

describe('the idle time of a guest', () => {
  test('begins anew with a connection that came and went between two readings', async () => {
    const { activity, host, id, closed } = await tracked();
    const from = host.clock.now();
    closed();
    await host.clock.advance(50_000);
    for (let n = 0; n < 3; n++) {
      // Opened and closed before anybody was told that it was open.
      closed();
      await host.clock.advance(10);
    }
    await host.clock.advance(40_000);
    expect(await edges(host, id, from)).toEqual([
      ['traffic.idle', 0],
      ['traffic.active', 50_000],
      ['traffic.idle', 55_000],
    ]);
    const { standby } = (await host.records(id)).at(-1)!.state.context;
    expect(standby.idle_since).toBe(from + 50_020);
    // The same told again is nothing new.
    activity.say(id, { observer: 'in_order', connections: 0, since: from + 50_020 });
    await host.clock.settle();
    expect((await edges(host, id, from)).length).toBe(3);
  });

  test('begins anew with one that came and went while the table was being read, or while the guest was being put away', async () => {
    for (const slow of ['confirm', 'pause'] as const) {
      const activity = scriptedActivity();
      const { host, id, closed } = await tracked(activity);
      if (slow === 'pause') await host.control.setFault(id, 'pause', { slow: 5_000 });
      else activity.table.read = () => new Promise(() => {});
      closed();
      await host.clock.advance(61_000);
      closed();
      await host.clock.advance(30_000);
      expect([slow, host.instances.get(id)?.state]).toEqual([slow, 'Running']);
      await host.supervisor.close();
    }
  });

  test('goes on under another idle timeout, for which nobody watches anew', async () => {
    const { activity, host, id } = await tracked();
    const [guest] = activity.watched;
    const since = host.clock.now();
    activity.say(id, { observer: 'in_order', connections: 0, since });
    await host.clock.advance(20_000);
    const changes = { auto_standby: { ...auto_standby, idle_timeout_ms: 30_000 } };
    await host.supervisor.command(id, { type: 'update', by: 'operator', changes }, OPERATOR);
    await host.clock.settle();
    expect([activity.watched.length, activity.watched[0]]).toEqual([1, guest]);
    const { standby } = (await host.records(id)).at(-1)!.state.context;
    expect(standby.idle_since).toBe(since);
    await host.clock.advance(10_000);
    expect((await host.records(id)).some(({ event }) => event.type === 'timer.idle')).toBe(true);
  });

  test('goes on under another idle timeout from before the daemon was started, unless somebody came since', async () => {
    for (const comes of [false, true]) {
      const { host, id, closed } = await tracked();
      closed();
      const since = host.clock.now();
      await host.clock.advance(10_000);
      const activity = scriptedActivity();
      await host.restart({ activity });
      // It has only been opened, and knows nothing of what was before.
      const say = (connections: number) =>
        activity.say(id, { observer: 'in_order', connections, since: host.clock.now() });
      say(0);
      await host.clock.advance(10_000);
      if (comes) say(1);
      await host.clock.advance(IDLE_EDGE_SETTLE_MS);
      if (comes) say(0);
      const changes = { auto_standby: { ...auto_standby, idle_timeout_ms: 50_000 } };
      await host.supervisor.command(id, { type: 'update', by: 'operator', changes }, OPERATOR);
      await host.clock.settle();
      const { standby } = (await host.records(id)).at(-1)!.state.context;
      expect([comes, standby.idle_since]).toEqual([comes, comes ? host.clock.now() : since]);
      await host.supervisor.close();
    }
  });
});
