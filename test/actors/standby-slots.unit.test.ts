import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import { StandbySlots } from '../../src/actors/standby-slots.ts';
import { createSimulatedActivity } from '../../src/adapters/simulator/simulated-activity.ts';
import { scriptedActivity } from './scripted-activity.ts';
import { OPERATOR, phasesOf, runningInstance, type SimulatedHost, simulatedHost } from './simulated-host.ts';

/** Only so many guests are put away at once; the others wait for their turn, the longest waiting first. */

const by = OPERATOR.actor;
const SECOND = 1_000;
const IDLE_MS = 60 * SECOND;
/** How long the memory of a guest takes to be written. */
const SAVING_MS = 10 * SECOND;

const auto_standby = { enabled: true, idle_timeout_ms: IDLE_MS };

/** A host whose guests nobody talks to, named in the order in which they become idle, a second apart. */
async function idleHost(names: readonly string[], standbyAtOnce: number) {
  const activity = Object.assign(scriptedActivity(), {
    status: () => ({ ...scriptedActivity().status(), mode: 'simulated' as const }),
  });
  const host = await simulatedHost({ activity, standbyAtOnce });
  const ids: string[] = [];
  for (const name of names) ids.push(await runningInstance(host, { name, auto_standby }));
  for (const id of ids) {
    await host.control.setFault(id, 'snapshot', { slow: SAVING_MS });
    activity.say(id, { observer: 'in_order', connections: 0, since: host.clock.now() });
    await host.clock.advance(SECOND);
  }
  const waiting = () =>
    host.supervisor.capacity().held.flatMap(({ name, purpose, reason }) => {
      return purpose === 'standby' && reason === 'standby_slots' ? [name] : [];
    });
  return { host, ids, activity, waiting };
}

const asleep = (host: SimulatedHost, ids: readonly string[]): number =>
  phasesOf(host, ids).filter((phase) => phase === 'standby').length;

describe('guests that are idle', () => {
  test('are put away so many at once, in the order in which they became so, until all sleep', async () => {
    const { host, ids, waiting } = await idleHost(['a', 'b', 'c', 'd', 'e'], 2);
    await host.clock.advance(IDLE_MS);
    expect(waiting()).toEqual(['c', 'd', 'e']);
    expect(host.supervisor.capacity().standbys).toEqual({ used: 2, limit: 2 });
    let most = 0;
    for (let waited = 0; waited < 60 * SECOND; waited += SECOND) {
      most = Math.max(most, host.supervisor.capacity().standbys.used);
      await host.clock.advance(SECOND);
    }
    expect(most).toBe(2);
    expect(asleep(host, ids)).toBe(5);
    expect(host.supervisor.capacity()).toMatchObject({ standbys: { used: 0, limit: 2 }, held: [] });
    const slept = await Promise.all(
      ids.map(async (id) => {
        const records = await host.records(id);
        return records.find(({ facts }) => facts.some(({ type }) => type === 'standby.entered'))!.at;
      }),
    );
    expect(slept).toEqual([...slept].sort((a, b) => a - b));
  });

  test('that became due while there was no daemon are put away a few at a time, too', async () => {
    const { host, ids, waiting } = await idleHost(['a', 'b', 'c', 'd', 'e', 'f'], 2);
    await host.supervisor.close();
    await host.clock.advance(3_600 * SECOND);
    await host.restart();
    await host.clock.advance(SECOND);
    expect(host.supervisor.capacity().standbys.used).toBe(2);
    expect(waiting()).toHaveLength(4);
    let most = 0;
    for (let waited = 0; waited < 60 * SECOND; waited += SECOND) {
      most = Math.max(most, host.supervisor.capacity().standbys.used);
      await host.clock.advance(SECOND);
    }
    expect([most, asleep(host, ids)]).toEqual([2, 6]);
  });

  test('keep their places in line over a restart of the daemon', async () => {
    const { host, ids, waiting } = await idleHost(['a', 'b', 'c', 'd'], 1);
    await host.clock.advance(IDLE_MS);
    expect(waiting()).toEqual(['b', 'c', 'd']);
    await host.restart();
    await host.clock.advance(SECOND);
    // The first was let go of when its daemon ended, and its turn went to the next in line.
    expect(waiting()).toEqual(['c', 'd']);
    await host.clock.advance(120 * SECOND);
    expect(asleep(host, ids)).toBe(4);
  });
});

describe('whoever waits for its turn to be put away', () => {
  test('leaves the line when somebody talks to it, and the next one moves up', async () => {
    const { host, ids, activity, waiting } = await idleHost(['a', 'b', 'c'], 1);
    await host.clock.advance(IDLE_MS);
    expect(waiting()).toEqual(['b', 'c']);
    activity.say(ids[1]!, { observer: 'in_order', connections: 1, since: host.clock.now() });
    await host.clock.settle();
    expect(waiting()).toEqual(['c']);
    await host.clock.advance(60 * SECOND);
    expect(phasesOf(host, ids)).toEqual(['standby', 'running', 'standby']);
  });

  test('is let go at once when the one that is being put away runs on, ends or is stopped', async () => {
    const { host, ids, activity, waiting } = await idleHost(['a', 'b', 'c', 'd'], 1);
    await host.clock.advance(IDLE_MS);
    activity.say(ids[0]!, { observer: 'in_order', connections: 1, since: host.clock.now() });
    await host.clock.advance(2 * SECOND);
    expect(waiting()).toEqual(['c', 'd']);
    await host.control.sigkill(ids[1]!);
    await host.clock.advance(SECOND);
    expect(waiting()).toEqual(['d']);
    await host.supervisor.command(ids[2]!, { type: 'stop', by, force: true }, OPERATOR);
    await host.clock.advance(SECOND);
    expect(waiting()).toEqual([]);
    await host.clock.advance(60 * SECOND);
    expect(phasesOf(host, [ids[0]!, ids[3]!])).toEqual(['running', 'standby']);
  });

  test('does not hold up an operator, whose standby waits for nobody and counts all the same', async () => {
    const { host, ids, waiting } = await idleHost(['a', 'b', 'c'], 1);
    await host.supervisor.command(ids[2]!, { type: 'standby', by }, OPERATOR);
    await host.clock.settle();
    expect(host.supervisor.capacity().standbys).toEqual({ used: 1, limit: 1 });
    await host.supervisor.command(ids[1]!, { type: 'standby', by }, OPERATOR);
    await host.clock.settle();
    expect(host.supervisor.capacity().standbys.used).toBe(2);
    expect(waiting()).toEqual([]);
  });
});

test('a place that is free belongs to whoever has waited longest, also before anybody is let go', () => {
  const granted: string[] = [];
  const slots = new StandbySlots({ clock: new SimulatedClock(0), atOnce: 1, grant: (id) => granted.push(id) });
  const waits = (id: string, since: number, reason: 'standby_slots' | null): void => {
    const standby = { slot: { since, reason, retry_at: null } };
    const value = { lifecycle: { running: 'steady' }, standby: { queued: reason === null ? 'asking' : 'held' } };
    slots.note(id, { value, context: { standby, definition: { name: id }, run: { number: 1 } } } as never);
  };
  waits('held', 1_000, 'standby_slots');
  waits('later', 2_000, null);
  expect(slots.ask('later', 1)).toMatchObject({ type: 'host.held' });
  waits('earlier', 500, null);
  expect(slots.ask('earlier', 1)).toMatchObject({ type: 'host.granted' });
  slots.settle('earlier');
  slots.open();
  expect(granted).toEqual(['held']);
});

test('nobody is let go before one who has waited longer and is just asking again, and who is told to wait keeps its place', () => {
  const granted: string[] = [];
  const slots = new StandbySlots({ clock: new SimulatedClock(0), atOnce: 1, grant: (id) => granted.push(id) });
  const note = (id: string, since: number, reason: 'standby_slots' | null): boolean => {
    const standby = { slot: { since, reason, retry_at: null } };
    const value = { lifecycle: 'running', standby: { queued: reason === null ? 'asking' : 'held' } };
    return slots.note(id, { value, context: { standby, definition: { name: id }, run: { number: 1 } } } as never);
  };
  note('held', 3_000, 'standby_slots');
  note('first', 1_000, null);
  note('second', 2_000, null);
  slots.open();
  expect(granted).toEqual([]);
  // Told to wait, and its record is not there yet, when the one before it gives up.
  expect(slots.ask('second', 1)).toMatchObject({ type: 'host.held' });
  expect(slots.forget('first')).toBe(true);
  slots.letGo();
  expect(granted).toEqual([]);
  expect(note('second', 2_000, 'standby_slots')).toBe(true);
  slots.letGo();
  expect(granted).toEqual(['second']);
});

test('one read of the table serves all whose turn comes at one moment', async () => {
  const host = await simulatedHost();
  const { clock } = host;
  const source = createSimulatedActivity({ world: host.world, clock });
  await host.restart({ activity: source, standbyAtOnce: 16 });
  const ids: string[] = [];
  for (let n = 0; n < 16; n++) ids.push(await runningInstance(host, { name: `vm-${n}`, auto_standby }));
  await clock.advance(5 * SECOND);
  await host.supervisor.close();
  await clock.advance(IDLE_MS);
  const next = createSimulatedActivity({ world: host.world, clock });
  await host.restart({ activity: next, standbyAtOnce: 16 });
  await clock.advance(5 * SECOND);
  expect(asleep(host, ids)).toBe(16);
  expect(next.status().dumps).toBeLessThan(16);
});
