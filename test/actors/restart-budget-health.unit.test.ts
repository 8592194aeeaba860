import { describe, expect, it } from 'vitest';
import { stateWords } from '../../src/cli/instance-words.ts';
import {
  bootsOf,
  ON_FAILURE,
  OPERATOR,
  runningInstance,
  type SimulatedHost,
  STRICT_CHECK,
  simulatedHost,
} from './simulated-host.ts';

/** A guest that is sick when the budget of the host is used up goes on as it is until its turn comes, or is not needed. */

const by = OPERATOR.actor;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

interface Sick {
  readonly host: SimulatedHost;
  readonly id: string;
  /** Crashed before it, and was restarted: the budget is used up by that. */
  readonly other: string;
}

const restartLimit = { restarts: 1, per_ms: MINUTE };

async function probed({ host, id }: Pick<Sick, 'host' | 'id'>, type: 'probe.failed' | 'probe.passed'): Promise<void> {
  const { run, health } = (await host.records(id)).at(-1)!.state.context;
  const window = { run: run.number, revision: health.revision };
  host.supervisor.observe(id, type === 'probe.failed' ? { type, window, error: 'refused' } : { type, window });
  await host.clock.advance(SECOND);
}

async function heldWhileSick(): Promise<Sick> {
  const host = await simulatedHost({ restartLimit });
  const other = await runningInstance(host, { name: 'other', restart_policy: ON_FAILURE });
  const id = await runningInstance(host, { name: 'sick', restart_policy: ON_FAILURE, health_check: STRICT_CHECK });
  await host.control.guestExit(other, 1);
  await host.clock.advance(2 * SECOND);
  await probed({ host, id }, 'probe.failed');
  return { host, id, other };
}

const waiting = ({ host }: Sick) => host.supervisor.capacity().held.map(({ name, reason }) => `${name} ${reason}`);
const shown = ({ host, id }: Sick) => {
  const { state, phase, health_status } = host.instances.get(id)!;
  return [state, phase, health_status.status];
};

describe('a restart for the sake of health that the budget of the host holds back', () => {
  it('leaves the guest running, unhealthy, without an attempt, and says what it waits for and until when', async () => {
    const sick = await heldWhileSick();
    const { host, id } = sick;
    expect(waiting(sick)).toEqual(['sick restart_budget']);
    expect([await host.control.countVmms(id), await bootsOf(host, id)]).toEqual([1, 1]);
    const view = host.instances.get(id)!;
    expect(shown(sick)).toEqual(['Running', 'running', 'unhealthy']);
    expect(view.restart_status?.attempts).toBeUndefined();
    const due = Date.parse(view.restart_status!.next_attempt_at!);
    expect(due - host.clock.now()).toBeGreaterThan(MINUTE - 5 * SECOND);
    expect(due - host.clock.now()).toBeLessThanOrEqual(MINUTE);
    expect(view.restart?.pending).toEqual({
      ...{ cause: 'health', waits_for: 'restart_budget', not_before: view.restart_status!.next_attempt_at },
    });
    expect(stateWords(view, host.clock.now())).toBe('Running');
  });

  it('is made once, as soon as the other one lies far enough back', async () => {
    const sick = await heldWhileSick();
    const { host, id } = sick;
    await host.clock.advance(50 * SECOND);
    expect(await bootsOf(host, id)).toBe(1);
    await host.clock.advance(15 * SECOND);
    expect([await bootsOf(host, id), waiting(sick)]).toEqual([2, []]);
    const { restart_status, restart } = host.instances.get(id)!;
    expect([restart_status?.attempts, restart?.causes?.map(({ cause }) => cause)]).toEqual([1, ['health']]);
    await host.clock.advance(10 * MINUTE);
    expect([await bootsOf(host, id), await host.control.countVmms(id)]).toEqual([2, 1]);
  });

  it('is not needed any more when the guest is healthy again, and takes nothing from the budget', async () => {
    const sick = await heldWhileSick();
    const { host, id } = sick;
    await probed(sick, 'probe.passed');
    expect([waiting(sick), shown(sick)]).toEqual([[], ['Running', 'running', 'healthy']]);
    expect(host.instances.get(id)?.restart_status?.next_attempt_at).toBeUndefined();
    await host.clock.advance(10 * MINUTE);
    expect([await bootsOf(host, id), host.supervisor.capacity().restarts?.used]).toEqual([1, 0]);
  });

  it('never comes once somebody stops the instance', async () => {
    const sick = await heldWhileSick();
    const { host, id } = sick;
    await host.supervisor.command(id, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(10 * MINUTE);
    expect([waiting(sick), host.instances.get(id)?.phase]).toEqual([[], 'stopped']);
    expect([await bootsOf(host, id), await host.control.countVmms(id)]).toEqual([1, 0]);
  });

  it('keeps its place when the daemon dies', async () => {
    const sick = await heldWhileSick();
    const { host, id } = sick;
    await host.restart();
    await host.clock.advance(SECOND);
    expect([waiting(sick), await bootsOf(host, id)]).toEqual([['sick restart_budget'], 1]);
    await host.clock.advance(MINUTE + 2 * SECOND);
    expect([waiting(sick), await bootsOf(host, id)]).toEqual([[], 2]);
  });

  it('becomes an ordinary one when the guest ends by itself, and still waits for its turn', async () => {
    const sick = await heldWhileSick();
    const { host, id } = sick;
    await host.control.guestExit(id, 1);
    await host.clock.advance(SECOND);
    expect([waiting(sick), host.instances.get(id)?.phase]).toEqual([['sick restart_budget'], 'held']);
    expect(host.instances.get(id)?.restart?.pending?.cause).toBe('exit');
    await host.clock.advance(MINUTE + 2 * SECOND);
    expect([await bootsOf(host, id), await host.control.countVmms(id)]).toEqual([2, 1]);
  });
});
