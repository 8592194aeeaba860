import { describe, expect, test } from 'vitest';
import {
  bootsOf,
  definition,
  ON_FAILURE,
  OPERATOR,
  refusalCode,
  runningInstance,
  simulatedHost,
} from './simulated-host.ts';

const stop = { type: 'stop', by: 'operator' } as const;

describe('a full log', () => {
  test('refuses new work, still takes a stop and the end of a run, and goes on when there is room', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    host.log.failAll('refused_full');
    expect(await refusalCode(host.supervisor.create(definition({ name: 'new' }), 'stopped', OPERATOR))).toBe(
      'log_full',
    );
    await host.control.guestExit(id, 1);
    await host.clock.advance(30_000);
    expect(await bootsOf(host, id)).toBe(1);
    host.log.failAll(null);
    await host.clock.advance(30_000);
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 2 });
  });
});

describe('after the death of the daemon', () => {
  test('a running VM is adopted: same run, same process, nothing booted, nothing recorded', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    const appends = host.log.appends();
    const { pid } = host.instances.get(id) ?? {};
    await host.restart();
    await host.clock.advance(60_000);
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 1, pid });
    expect([await bootsOf(host, id), host.log.appends()]).toEqual([1, appends]);
  });

  test('an end that happened meanwhile is told, judged and acted on', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    await host.supervisor.close();
    await host.control.guestExit(id, 3);
    await host.clock.advance(20_000);
    await host.restart();
    await host.clock.advance(5_000);
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 2, restart_status: { attempts: 1 } });
    const ended = (await host.records(id))
      .flatMap((record) => record.facts)
      .find((fact) => fact.type === 'instance.ended');
    expect(ended).toMatchObject({ reason: 'power_off', code: 3 });
  });

  test('a stopped instance stays stopped', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host, { restart_policy: { ...ON_FAILURE, policy: 'always' } as never });
    await host.supervisor.command(id, stop, OPERATOR);
    await host.clock.advance(20_000);
    await host.restart();
    await host.clock.advance(3_600_000);
    expect([host.instances.get(id)?.state, await bootsOf(host, id)]).toEqual(['Stopped', 1]);
  });

  test('a backoff goes on to its recorded instant, and an overdue one fires once', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    await host.control.guestExit(id, 1);
    await host.clock.advance(2_000);
    await host.control.guestExit(id, 1);
    await host.clock.settle();
    expect(host.instances.get(id)?.phase).toBe('backoff');
    await host.supervisor.close();
    await host.clock.advance(30_000);
    await host.restart();
    await host.clock.advance(5_000);
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 3, restart_status: { attempts: 2 } });
    expect(await bootsOf(host, id)).toBe(3);
  });

  test('a stability window that was full before the end counts; one that was not does not', async () => {
    for (const [livedMs, attempts] of [
      [70_000, 1],
      // Full at the very instant of the end.
      [58_000, 1],
      [57_999, 2],
      [30_000, 2],
    ] as const) {
      const host = await simulatedHost();
      const id = await runningInstance(host, { restart_policy: ON_FAILURE });
      await host.control.guestExit(id, 1);
      await host.clock.advance(3_000);
      await host.supervisor.close();
      await host.clock.advance(livedMs);
      await host.control.guestExit(id, 1);
      await host.clock.advance(60_000);
      await host.restart();
      await host.clock.advance(5_000);
      expect(host.instances.get(id)?.restart_status?.attempts).toBe(attempts);
    }
  });
});

describe('steps of the wall clock', () => {
  test('forward an hour: what is overdue fires, and the step is on record', async () => {
    const host = await simulatedHost({ clockLookMs: 1_000 });
    const id = await runningInstance(host, { restart_policy: { ...ON_FAILURE, backoff_ms: 1_800_000 } as never });
    await host.control.guestExit(id, 1);
    await host.clock.advance(2_000);
    await host.control.guestExit(id, 1);
    await host.clock.advance(2_000);
    expect(host.instances.get(id)?.phase).toBe('backoff');
    host.clock.step(3_600_000);
    await host.clock.advance(5_000);
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 3 });
    const step = JSON.parse((await host.log.head('host'))?.bytes ?? 'null') as unknown;
    expect(step).toMatchObject({ event: { type: 'clock.stepped', by_ms: 3_600_000 } });
  });

  test('back an hour: nothing fires early and no record is older than the one before it', async () => {
    const host = await simulatedHost({ clockLookMs: 1_000 });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    host.clock.step(-3_600_000);
    await host.control.guestExit(id, 1);
    await host.clock.advance(5_000);
    const times = (await host.records(id)).map((record) => record.at);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(host.instances.get(id)).toMatchObject({ state: 'Running', run: 2 });
    expect(await bootsOf(host, id)).toBe(2);
  });
});
