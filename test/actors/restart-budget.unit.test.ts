import { describe, expect, it } from 'vitest';
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

/** Goal: the host makes at most so many automatic restarts in any stretch of time. Method: the whole runtime, simulated. */

const by = OPERATOR.actor;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const TWO_A_MINUTE = { restarts: 2, per_ms: MINUTE };

const bootsAll = (host: SimulatedHost, ids: readonly string[]) => Promise.all(ids.map((id) => bootsOf(host, id)));
const waiting = (host: SimulatedHost) => host.supervisor.capacity().held.map(({ name, reason }) => `${name} ${reason}`);

/** It has just failed its first probe. */
async function unhealthyInstance(host: SimulatedHost): Promise<string> {
  const id = await runningInstance(host, { name: 'sick', restart_policy: ON_FAILURE, health_check: STRICT_CHECK });
  const { revision } = (await host.records(id)).at(-1)!.state.context.health;
  host.supervisor.observe(id, { type: 'probe.failed', window: { run: 1, revision }, error: 'refused' });
  return id;
}

async function crash(host: SimulatedHost, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await host.control.guestExit(id, 1);
    await host.clock.advance(10);
  }
}

describe('a host with a restart budget', () => {
  it('makes as many restarts as it may and holds the others, who come in their order as the oldest lie far enough back', async () => {
    const host = await simulatedHost({ restartLimit: TWO_A_MINUTE });
    const ids = await runningInstances(host, 'a', 'b', 'c', 'd', 'e');
    await crash(host, ids);
    await host.clock.advance(2 * SECOND);
    expect(phasesOf(host, ids)).toEqual(['running', 'running', 'held', 'held', 'held']);
    expect(waiting(host)).toEqual(['c restart_budget', 'd restart_budget', 'e restart_budget']);
    expect(host.supervisor.capacity().restarts).toEqual({ used: 2, limit: 2, per_ms: MINUTE, waiting: 3 });
    await host.clock.advance(MINUTE);
    expect(phasesOf(host, ids)).toEqual(['running', 'running', 'running', 'running', 'held']);
    await host.clock.advance(MINUTE);
    expect(phasesOf(host, ids)).toEqual(ids.map(() => 'running'));
    expect(await bootsAll(host, ids)).toEqual([2, 2, 2, 2, 2]);
  });

  it('tells each when its turn comes, costs it no attempt, and writes one record for the waiting', async () => {
    const host = await simulatedHost({ restartLimit: TWO_A_MINUTE });
    const ids = await runningInstances(host, 'a', 'b', 'c', 'd', 'e');
    const before = host.clock.now();
    await crash(host, ids);
    await host.clock.advance(2 * SECOND);
    const turns = host.supervisor.capacity().held.map(({ retry_at }) => Math.floor((retry_at - before) / MINUTE));
    expect(turns).toEqual([1, 1, 2]);
    const { attempts = 0, next_attempt_at } = host.instances.get(ids[4]!)!.restart_status!;
    expect([attempts, next_attempt_at]).toEqual([0, expect.any(String)]);
    await host.clock.advance(2 * MINUTE);
    const records = await host.records(ids[4]!);
    expect(records.filter(({ event }) => event.type === 'host.held')).toHaveLength(1);
    expect(records.filter(({ event }) => event.type === 'timer.admission_retry')).toHaveLength(0);
  });

  it('counts restarts for health, and not those that somebody asks for or that follow a reboot of the host', async () => {
    const host = await simulatedHost({ restartLimit: { restarts: 1, per_ms: MINUTE } });
    const ids = await runningInstances(host, 'a', 'b');
    await host.supervisor.command(ids[0]!, { type: 'restart', by }, OPERATOR);
    await host.clock.advance(5 * SECOND);
    expect(host.supervisor.capacity().restarts?.used).toBe(0);
    await host.supervisor.close();
    await host.control.hostReboot();
    await host.restart();
    await host.clock.advance(5 * SECOND);
    expect([phasesOf(host, ids), host.supervisor.capacity().restarts?.used]).toEqual([['running', 'running'], 0]);
    const sick = await unhealthyInstance(host);
    await host.clock.advance(5 * SECOND);
    expect([await bootsOf(host, sick), host.supervisor.capacity().restarts?.used]).toEqual([2, 1]);
  });

  it('a stop ends the waiting, and the next one moves up', async () => {
    const host = await simulatedHost({ restartLimit: TWO_A_MINUTE });
    const ids = await runningInstances(host, 'a', 'b', 'c', 'd', 'e');
    await crash(host, ids);
    await host.supervisor.command(ids[2]!, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(MINUTE + 2 * SECOND);
    expect(phasesOf(host, ids)).toEqual(['running', 'running', 'failed', 'running', 'running']);
  });

  it('a start by hand waits for nobody', async () => {
    const host = await simulatedHost({ restartLimit: { restarts: 1, per_ms: MINUTE } });
    const ids = await runningInstances(host, 'a', 'b');
    await crash(host, ids);
    await host.clock.advance(SECOND);
    expect(waiting(host)).toEqual(['b restart_budget']);
    await host.supervisor.command(ids[1]!, { type: 'start', by }, OPERATOR);
    await host.clock.advance(2 * SECOND);
    expect([phasesOf(host, ids), waiting(host)]).toEqual([['running', 'running'], []]);
  });

  it('gives a place that cannot be used for want of memory to somebody else', async () => {
    const host = await simulatedHost();
    const large = { name: 'large', restart_policy: ON_FAILURE, memory_bytes: 4 * definition().memory_bytes };
    const ids = [await runningInstance(host, large), ...(await runningInstances(host, 'b', 'c'))];
    const capacity = {
      memory_bytes: 3 * definition().memory_bytes,
      vcpus: 100,
      disk_bytes: 100 * definition().memory_bytes,
      overcommit: { memory: 1, vcpus: 1, disk: 1 },
    };
    await host.restart({ capacity, restartLimit: { restarts: 1, per_ms: MINUTE } });
    await crash(host, ids);
    await host.clock.advance(2 * SECOND);
    expect(waiting(host)).toEqual(['large memory', 'c restart_budget']);
    await host.clock.advance(MINUTE);
    expect(phasesOf(host, ids)).toEqual(['held', 'running', 'running']);
  });
});

describe('the restart budget of a host whose daemon dies', () => {
  it('is neither given out twice nor lost', async () => {
    const host = await simulatedHost();
    const ids = await runningInstances(host, 'a', 'b', 'c');
    await host.restart({ restartLimit: TWO_A_MINUTE });
    await crash(host, ids);
    await host.clock.advance(10 * SECOND);
    await host.restart({ restartLimit: TWO_A_MINUTE });
    await host.clock.advance(SECOND);
    expect(host.supervisor.capacity().restarts).toMatchObject({ used: 2, waiting: 1 });
    await host.clock.advance(48 * SECOND);
    expect(phasesOf(host, ids)[2]).toBe('held');
    await host.clock.advance(5 * SECOND);
    expect([phasesOf(host, ids)[2], await bootsOf(host, ids[2]!)]).toEqual(['running', 2]);
  });

  it('still knows of the restarts of an instance that was deleted since', async () => {
    const host = await simulatedHost();
    const ids = await runningInstances(host, 'a', 'b');
    await host.restart({ restartLimit: TWO_A_MINUTE });
    await crash(host, ids);
    await host.clock.advance(5 * SECOND);
    await host.supervisor.command(ids[0]!, { type: 'delete', by }, OPERATOR);
    await host.clock.advance(5 * SECOND);
    await host.restart({ restartLimit: TWO_A_MINUTE });
    expect(host.supervisor.capacity().restarts?.used).toBe(2);
  });

  it('counts every restart of one that made more of them than its newest record names', async () => {
    const host = await simulatedHost();
    const quick = { policy: 'always', backoff_ms: SECOND, max_attempts: 0, stable_after_ms: MINUTE } as const;
    const id = await runningInstance(host, { restart_policy: quick });
    const limit = { restarts: 100, per_ms: 10 * MINUTE };
    for (let times = 0; times < 12; times++) {
      await host.control.guestExit(id, 1);
      await host.clock.advance(3 * SECOND);
    }
    await host.restart({ restartLimit: limit });
    expect(host.supervisor.capacity().restarts?.used).toBe(12);
  });

  it('a grant that was never recorded is void: whoever asked asks again', async () => {
    const host = await simulatedHost();
    const [id] = await runningInstances(host, 'a');
    const faults = async (point: string, { subject }: { subject: string }): Promise<void> => {
      if (point === 'effect_done' && subject === 'host.admit') await new Promise(() => {});
    };
    const restartLimit = { restarts: 1, per_ms: MINUTE };
    await host.restart({ faults, restartLimit });
    await host.control.guestExit(id!, 1);
    await host.clock.advance(SECOND);
    expect(host.supervisor.capacity().restarts?.used).toBe(1);
    await host.restart({ restartLimit });
    await host.clock.advance(2 * SECOND);
    expect([phasesOf(host, [id!]), await bootsOf(host, id!)]).toEqual([['running'], 2]);
    expect(host.supervisor.capacity().restarts?.used).toBe(1);
  });

  it('is given to an unhealthy guest only once it is known that the guest still runs', async () => {
    const host = await simulatedHost({ restartLimit: { restarts: 1, per_ms: MINUTE } });
    await crash(host, await runningInstances(host, 'a'));
    const sick = await unhealthyInstance(host);
    await host.clock.advance(SECOND);
    expect(waiting(host)).toEqual(['sick restart_budget']);
    await host.supervisor.close();
    await host.control.guestExit(sick, 0);
    await host.clock.advance(2 * MINUTE);
    await host.restart();
    await host.clock.advance(5 * SECOND);
    expect([phasesOf(host, [sick]), await bootsOf(host, sick)]).toEqual([['stopped'], 1]);
    expect(host.supervisor.capacity().restarts).toMatchObject({ used: 0, waiting: 0 });
  });

  it('holds nobody for ever when the wall clock was set back, and lets nobody early by being set forward', async () => {
    const host = await simulatedHost({ restartLimit: { restarts: 1, per_ms: MINUTE } });
    const ids = await runningInstances(host, 'a', 'b', 'c');
    await crash(host, ids.slice(0, 2));
    await host.clock.advance(SECOND);
    host.clock.step(-24 * 60 * MINUTE);
    await host.restart();
    await host.clock.advance(MINUTE + 2 * SECOND);
    expect(phasesOf(host, ids.slice(0, 2))).toEqual(['running', 'running']);
    host.clock.step(48 * 60 * MINUTE);
    await crash(host, [ids[2]!]);
    await host.clock.advance(30 * SECOND);
    expect(phasesOf(host, ids)[2]).toBe('held');
    await host.clock.advance(MINUTE);
    expect(phasesOf(host, ids)[2]).toBe('running');
  });
});
