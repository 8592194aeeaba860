import { describe, expect, it, vi } from 'vitest';
import type { Purpose } from '../../machines/events.ts';
import { EMPTY_SNAPSHOT } from '../../machines/step.ts';
import { Admission } from '../../src/actors/admission.ts';
import { Capacity } from '../../src/actors/capacity.ts';
import { SimulatedClock } from '../../src/actors/clock.ts';
import { OVERTAKEN_SETTLE_MAX_MS } from '../../src/actors/effect-queue.ts';
import { RestartBudget } from '../../src/actors/restart-budget.ts';
import { WaitingLine } from '../../src/actors/waiting-line.ts';
import { definition, ON_FAILURE, OPERATOR, runningInstance, START, simulatedHost } from './simulated-host.ts';

/** Who goes first when the host has room again, and that nobody keeps a place for nothing. */

const by = OPERATOR.actor;
const ONE = definition();
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HELD = 10_000;
const BOOTS_AT_ONCE = 4;
const NOT_OVER = { memory: 1, vcpus: 1, disk: 1 };

const roomForOne = {
  memory_bytes: ONE.memory_bytes,
  vcpus: 100,
  disk_bytes: 100 * ONE.memory_bytes,
  overcommit: { memory: 1, vcpus: 1, disk: 1 },
};

describe('whoever has waited longest', () => {
  it('keeps its place when it asks again, and over a restart of the daemon', async () => {
    const host = await simulatedHost();
    const ids: string[] = [];
    for (const name of ['other', 'later', 'first']) {
      ids.push(await runningInstance(host, { name, restart_policy: ON_FAILURE }));
    }
    const [other, later, first] = ids;
    const names = () => host.supervisor.capacity().held.map(({ name }) => name);
    await host.restart({ capacity: roomForOne });
    await host.control.guestExit(first!, 1);
    await host.clock.advance(5 * MINUTE);
    await host.control.guestExit(later!, 1);
    await host.clock.advance(6 * MINUTE);
    expect((await host.records(first!)).filter(({ event }) => event.type === 'host.held')).toHaveLength(2);
    expect(names()).toEqual(['first', 'later']);
    await host.restart({ capacity: roomForOne });
    expect(names()).toEqual(['first', 'later']);
    await host.supervisor.command(other!, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(5 * SECOND);
    expect([first, later].map((id) => host.instances.get(id!)?.phase)).toEqual(['running', 'held']);
  });
});

describe('a boot after a reboot of the host', () => {
  it('that somebody looks into leaves its place to the next one', async () => {
    const host = await simulatedHost();
    const slow = await runningInstance(host, { name: 'slow', restart_policy: ON_FAILURE });
    const next = await runningInstance(host, { name: 'next', restart_policy: ON_FAILURE });
    await host.supervisor.close();
    await host.control.hostReboot();
    await host.control.setBootDuration(slow, 24 * 60 * MINUTE);
    await host.restart({ bootsAtOnce: 1 });
    await host.clock.advance(10 * SECOND);
    expect([slow, next].map((id) => host.instances.get(id)?.phase)).toEqual(['booting', 'held']);
    await host.supervisor.command(slow, { type: 'ignore', by }, OPERATOR);
    await host.clock.advance(10 * SECOND);
    expect([slow, next].map((id) => host.instances.get(id)?.phase)).toEqual(['booting', 'running']);
  });
});

describe('an operation that never answers', () => {
  it('keeps no question to the host from its answer: what follows is decided, and then given up', async () => {
    const shutdown = () => new Promise<never>(() => {});
    const host = await simulatedHost({}, { hypervisor: (hypervisor) => ({ ...hypervisor, shutdown }) });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE, boot_timeout_ms: MINUTE });
    await host.supervisor.command(id, { type: 'restart', by }, OPERATOR);
    await host.control.guestExit(id, 0);
    await host.clock.advance(10 * MINUTE);
    const records = await host.records(id);
    const asked = records.flatMap(({ effects }) => effects).filter(({ kind }) => kind === 'host.admit');
    const answered = records.filter(({ event }) => event.type === 'host.granted');
    expect([asked.length, answered.length]).toEqual([ON_FAILURE.max_attempts, ON_FAILURE.max_attempts]);
    expect(host.instances.get(id)?.restart_status?.blocked_reason).toBe('max_attempts_exceeded');
  });
});

describe('a shutdown that never answers', () => {
  it('keeps no kill waiting for long, and the instance goes on', async () => {
    const shutdown = () => new Promise<never>(() => {});
    const host = await simulatedHost({}, { hypervisor: (hypervisor) => ({ ...hypervisor, shutdown }) });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE, stop_timeout_ms: 5 * SECOND });
    await host.supervisor.command(id, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(5 * SECOND + OVERTAKEN_SETTLE_MAX_MS - SECOND);
    expect(await host.control.countVmms(id)).toBe(1);
    await host.clock.advance(2 * SECOND);
    expect([host.instances.get(id)?.phase, await host.control.countVmms(id)]).toEqual(['stopped', 0]);
    await host.supervisor.command(id, { type: 'start', by }, OPERATOR);
    await host.clock.advance(5 * SECOND);
    expect(host.instances.get(id)?.phase).toBe('running');
  });
});

describe('a guest that a schedule wakes', () => {
  it('takes nothing of the budget for restarts, and keeps nobody from it while it asks', () => {
    const clock = new SimulatedClock(START);
    const budget = new RestartBudget({ restarts: 1, per_ms: MINUTE }, clock);
    const capacity = new Capacity();
    const admission = new Admission({ capacity, budget, clock, bootsAtOnce: 1, grant: () => {} });
    const { value, context } = EMPTY_SNAPSHOT;
    const asks = (id: string, purpose: Purpose, since: number): void => {
      const asking = { purpose, since, reason: null, retry_at: null };
      admission.note(id, { value, context: { ...context, definition: ONE, admission: asking } });
    };
    admission.open();
    asks('sleeper', 'wake', START);
    asks('another', 'wake', START + 1);
    asks('crashed', 'restart_policy', START + 2);
    const question = { run: 1, demand: { memory_bytes: 0, vcpus: 0, disk_bytes: 0 } };
    expect(admission.ask({ ...question, id: 'sleeper', purpose: 'wake' })).toMatchObject({ type: 'host.granted' });
    expect(budget.used).toBe(0);
    expect(admission.ask({ ...question, id: 'crashed', purpose: 'restart_policy' })).toMatchObject({
      type: 'host.granted',
    });
    admission.settle('sleeper');
    expect(budget.used).toBe(1);
  });
});

describe('a place that becomes free among ten thousand that wait', () => {
  const heldFor = (purpose: Purpose, since: number, memory_bytes = ONE.memory_bytes) => {
    const { value, context } = EMPTY_SNAPSHOT;
    const definition = { ...ONE, memory_bytes };
    const admission = { purpose, since, reason: 'spread' as const, retry_at: START };
    return { value, context: { ...context, definition, run: { ...context.run, number: 1 }, admission } };
  };

  it('is offered to the first ones, without a look at those behind them', () => {
    const capacity = new Capacity();
    const looks = vi.spyOn(capacity, 'promise');
    const granted: string[] = [];
    const settles: (() => void)[] = [];
    const clock = new SimulatedClock(START);
    const admission = new Admission({
      capacity,
      budget: new RestartBudget(null, clock),
      clock,
      bootsAtOnce: BOOTS_AT_ONCE,
      grant: (id, _event, settled) => {
        granted.push(id);
        settles.push(settled);
      },
    });
    for (let nth = HELD; nth > 0; nth--) admission.note(`vm-${nth}`, heldFor('host_reboot', START + nth));
    admission.note('crashed', heldFor('restart_policy', START + HELD + 1));
    admission.open();
    expect(granted).toEqual(['vm-1', 'vm-2', 'vm-3', 'vm-4', 'crashed']);
    expect(looks).toHaveBeenCalledTimes(BOOTS_AT_ONCE + 1);
    admission.forget('vm-1');
    settles[0]!();
    expect(granted.slice(BOOTS_AT_ONCE + 1)).toEqual(['vm-5']);
    expect(looks.mock.calls.length).toBeLessThan(20);
  });

  it.each([
    ['the same', 1],
    ['something different each', 500],
  ])(
    'is offered once to each that needs something else: thousands that need %s are not looked through again and again',
    (_what, kinds) => {
      const room = { memory_bytes: ONE.memory_bytes + kinds, vcpus: 1, disk_bytes: 2 ** 50, overcommit: NOT_OVER };
      const capacity = new Capacity(room);
      const [looks, compared] = [vi.spyOn(capacity, 'promise'), vi.spyOn(WaitingLine.prototype, 'first')];
      const clock = new SimulatedClock(START);
      const granted: string[] = [];
      const budget = new RestartBudget({ restarts: HELD, per_ms: MINUTE }, clock);
      const grant = (id: string): number => granted.push(id);
      const admission = new Admission({ capacity, budget, clock, bootsAtOnce: BOOTS_AT_ONCE, grant });
      capacity.note('runs', { memory_bytes: ONE.memory_bytes + kinds, vcpus: 1, disk_bytes: 0 });
      for (let nth = 1; nth <= HELD; nth++) {
        admission.note(`vm-${nth}`, heldFor('restart_policy', START + nth, ONE.memory_bytes + (nth % kinds)));
      }
      admission.open();
      expect([granted, looks.mock.calls.length]).toEqual([[], kinds]);
      capacity.note('runs', { memory_bytes: 0, vcpus: 0, disk_bytes: 0 });
      looks.mockClear();
      compared.mockClear();
      admission.letGo();
      expect(granted).toEqual(['vm-1']);
      expect(looks.mock.calls.length).toBeLessThanOrEqual(kinds + 1);
      expect(compared.mock.calls.length).toBeLessThanOrEqual(4 * kinds + 8);
      compared.mockRestore();
    },
  );
});
