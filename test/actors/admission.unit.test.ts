import { describe, expect, it } from 'vitest';
import type { CapacityLimits } from '../../src/actors/capacity.ts';
import {
  bootsOf,
  definition,
  ON_FAILURE,
  OPERATOR,
  phasesOf,
  runningInstance,
  runningInstances,
  type SimulatedHost,
  STRICT_CHECK,
  simulatedHost,
} from './simulated-host.ts';

/** The whole runtime with a host that has room for some of what wants to run on it. */

const by = OPERATOR.actor;
const ONE = definition();
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Room for so many instances at once. */
const roomFor = (instances: number): CapacityLimits => ({
  memory_bytes: instances * ONE.memory_bytes,
  vcpus: instances * ONE.vcpus,
  disk_bytes: 100 * ONE.memory_bytes,
  overcommit: { memory: 1, vcpus: 1, disk: 1 },
});

/** Promises of the host that were neither used nor given back would show as room that nobody takes. */
function expectNothingLeaked(host: SimulatedHost, living: number): void {
  const { memory_bytes, vcpus } = host.supervisor.capacity();
  expect([memory_bytes.used, vcpus.used]).toEqual([living * ONE.memory_bytes, living * ONE.vcpus]);
}

async function hostReboots(host: SimulatedHost, changes: Parameters<SimulatedHost['restart']>[0] = {}): Promise<void> {
  await host.supervisor.close();
  await host.control.hostReboot();
  await host.restart(changes);
}

describe('an automatic start on a host that is full', () => {
  it('waits, costs nothing, and comes as soon as somebody makes room', async () => {
    const host = await simulatedHost();
    const [first, second] = await runningInstances(host, 'first', 'second');
    await host.restart({ capacity: roomFor(1) });
    await host.control.guestExit(first!, 1);
    await host.clock.advance(MINUTE);
    expect(phasesOf(host, [first!, second!])).toEqual(['held', 'running']);
    expect(host.supervisor.capacity().held).toMatchObject([{ id: first, name: 'first', reason: 'memory' }]);
    expect(host.instances.get(first!)?.restart_status?.attempts).toBeUndefined();
    await host.supervisor.command(second!, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(2 * SECOND);
    expect(phasesOf(host, [first!, second!])).toEqual(['running', 'stopped']);
    expect(host.instances.get(first!)?.restart_status?.attempts).toBe(1);
    expectNothingLeaked(host, 1);
  });

  it('is still held after the daemon has died, and comes when there is room', async () => {
    const host = await simulatedHost();
    const [first, second] = await runningInstances(host, 'first', 'second');
    await host.restart({ capacity: roomFor(1) });
    await host.control.guestExit(first!, 1);
    await host.clock.advance(SECOND);
    await host.restart({ capacity: roomFor(1) });
    expect(host.supervisor.capacity().held).toHaveLength(1);
    await host.supervisor.command(second!, { type: 'delete', by }, OPERATOR);
    await host.clock.advance(5 * SECOND);
    expect(phasesOf(host, [first!])).toEqual(['running']);
  });

  it('comes at the next start when the host has grown meanwhile', async () => {
    const host = await simulatedHost();
    const [first] = await runningInstances(host, 'first', 'second');
    await host.restart({ capacity: roomFor(1) });
    await host.control.guestExit(first!, 1);
    await host.clock.advance(SECOND);
    await host.restart({ capacity: roomFor(2) });
    await host.clock.advance(2 * SECOND);
    expect(phasesOf(host, [first!])).toEqual(['running']);
  });

  it('a stop ends the waiting, and what comes free then stays free', async () => {
    const host = await simulatedHost();
    const [first, second] = await runningInstances(host, 'first', 'second');
    await host.restart({ capacity: roomFor(1) });
    await host.control.guestExit(first!, 1);
    await host.clock.advance(SECOND);
    await host.supervisor.command(first!, { type: 'stop', by }, OPERATOR);
    expect(host.supervisor.capacity().held).toEqual([]);
    await host.supervisor.command(second!, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(MINUTE);
    expect(await bootsOf(host, first!)).toBe(1);
    expectNothingLeaked(host, 0);
  });

  it('a grant that meets a stop is given back', async () => {
    const host = await simulatedHost();
    const [first, second] = await runningInstances(host, 'first', 'second');
    await host.restart({ capacity: roomFor(1) });
    await host.control.guestExit(first!, 1);
    await host.clock.advance(SECOND);
    host.log.fail('hang');
    const stopped = host.supervisor.command(first!, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(SECOND);
    await host.supervisor.command(second!, { type: 'stop', by, force: true }, OPERATOR);
    await host.clock.advance(SECOND);
    expectNothingLeaked(host, 1);
    host.log.release();
    await stopped;
    await host.clock.advance(MINUTE);
    expect(await bootsOf(host, first!)).toBe(1);
    expectNothingLeaked(host, 0);
  });

  it('a grant that the log cannot take is tried again later, and not over and over', async () => {
    const host = await simulatedHost();
    const [first, second] = await runningInstances(host, 'first', 'second');
    await host.restart({ capacity: roomFor(1) });
    await host.control.guestExit(first!, 1);
    await host.clock.advance(SECOND);
    await host.supervisor.command(second!, { type: 'stop', by }, OPERATOR);
    host.log.failAll('refused_full');
    const before = host.log.appends();
    await host.clock.advance(20 * SECOND);
    expect(host.log.appends() - before).toBeLessThan(200);
    host.log.failAll(null);
    await host.clock.advance(15 * MINUTE);
    expect(phasesOf(host, [first!])).toEqual(['running']);
    expectNothingLeaked(host, 1);
  });

  it('a small one is not kept waiting by a large one before it', async () => {
    const host = await simulatedHost();
    const large = { name: 'large', restart_policy: ON_FAILURE, memory_bytes: 2 * ONE.memory_bytes };
    const first = await runningInstance(host, large);
    const [second, third] = await runningInstances(host, 'second', 'third');
    await host.restart({ capacity: roomFor(1) });
    await host.control.guestExit(first, 1);
    await host.control.guestExit(second!, 1);
    await host.clock.advance(SECOND);
    expect(host.supervisor.capacity().held.map(({ name }) => name)).toEqual(['large', 'second']);
    await host.supervisor.command(third!, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(5 * SECOND);
    expect(phasesOf(host, [first, second!])).toEqual(['held', 'running']);
  });

  it('an unhealthy guest is restarted all the same: it has its room already', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host, { restart_policy: ON_FAILURE, health_check: STRICT_CHECK });
    await host.restart({ capacity: roomFor(1) });
    await host.clock.advance(SECOND);
    const { revision } = (await host.records(id)).at(-1)!.state.context.health;
    host.supervisor.observe(id, { type: 'probe.failed', window: { run: 1, revision }, error: 'refused' });
    await host.clock.advance(5 * SECOND);
    expect([phasesOf(host, [id]), await bootsOf(host, id)]).toEqual([['running'], 2]);
    expectNothingLeaked(host, 1);
  });
});

describe('after a reboot of the host', () => {
  const names = ['a', 'b', 'c', 'd', 'e'];

  it('only so many boots are under way at once, and each that is ready lets the next one go', async () => {
    const host = await simulatedHost();
    const ids = await runningInstances(host, ...names);
    await hostReboots(host, { bootsAtOnce: 2 });
    for (const [readyMs, living] of [
      [500, 0],
      [1_000, 2],
      [1_000, 4],
      [1_000, 5],
    ] as const) {
      await host.clock.advance(readyMs);
      const { boots, held } = host.supervisor.capacity();
      expect(boots.used).toBeLessThanOrEqual(2);
      expect(phasesOf(host, ids).filter((phase) => phase === 'running')).toHaveLength(living);
      expect(held).toHaveLength(Math.max(0, 3 - living));
    }
    expect(host.supervisor.capacity().boots).toEqual({ used: 0, limit: 2 });
    expect(ids.map((id) => host.instances.get(id)?.restart_status)).toEqual(names.map(() => undefined));
  });

  it('a boot that fails lets the next one go, too', async () => {
    const host = await simulatedHost();
    const ids = await runningInstances(host, ...names);
    await host.control.setFault('*', 'boot', 'fail', 1);
    await hostReboots(host, { bootsAtOnce: 1 });
    await host.clock.advance(MINUTE);
    expect(phasesOf(host, ids)).toEqual(names.map(() => 'running'));
    expectNothingLeaked(host, names.length);
  });

  it('brings back those that should run, and only those', async () => {
    const host = await simulatedHost();
    const ids = await runningInstances(host, 'runs', 'stopped', 'ignored', 'asleep');
    ids.push(await runningInstance(host, { name: 'never' }));
    await host.supervisor.command(ids[1]!, { type: 'stop', by }, OPERATOR);
    await host.supervisor.command(ids[2]!, { type: 'ignore', by }, OPERATOR);
    await host.supervisor.command(ids[3]!, { type: 'standby', by }, OPERATOR);
    await host.clock.advance(10 * SECOND);
    await hostReboots(host);
    await host.clock.advance(MINUTE);
    expect(phasesOf(host, ids)).toEqual(['running', 'stopped', 'failed', 'standby', 'failed']);
    expect(host.instances.get(ids[0]!)?.restart_status).toBeUndefined();
  });

  it('in maintenance brings nothing back until the host is back to normal', async () => {
    const host = await simulatedHost();
    const ids = await runningInstances(host, 'a', 'b');
    await host.supervisor.setMode('maintenance', OPERATOR);
    await hostReboots(host);
    await host.clock.advance(MINUTE);
    expect(phasesOf(host, ids)).toEqual(['failed', 'failed']);
    await host.supervisor.setMode('normal', OPERATOR);
    await host.clock.advance(2 * SECOND);
    expect(phasesOf(host, ids)).toEqual(['running', 'running']);
    expect(ids.map((id) => host.instances.get(id)?.restart_status)).toEqual([undefined, undefined]);
  });

  it('a daemon that dies between question and answer asks again', async () => {
    const host = await simulatedHost();
    const [id] = await runningInstances(host, 'a');
    const faults = async (point: string, { subject }: { subject: string }): Promise<void> => {
      if (point === 'effect_begun' && subject === 'host.admit') await new Promise(() => {});
    };
    await host.restart({ faults });
    await host.control.guestExit(id!, 1);
    await host.clock.advance(SECOND);
    expect((await host.records(id!)).at(-1)?.effects).toMatchObject([{ kind: 'host.admit' }]);
    await host.restart();
    await host.clock.advance(2 * SECOND);
    expect(phasesOf(host, [id!])).toEqual(['running']);
  });
});
