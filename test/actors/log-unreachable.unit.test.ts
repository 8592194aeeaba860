import { describe, expect, test } from 'vitest';
import type { HealthCheck } from '../../machines/policies.ts';
import type { Log } from '../../src/actors/contracts/log.ts';
import { LogUnavailableError } from '../../src/actors/contracts/log-error.ts';
import { OUTCOME_WAIT_MAX_MS } from '../../src/actors/durable-append.ts';
import { StatevisorError } from '../../src/actors/errors.ts';
import {
  bootsOf,
  definition,
  ON_FAILURE,
  OPERATOR,
  refusalCode,
  runningInstance,
  simulatedHost,
} from './simulated-host.ts';

/** While the log cannot be reached nothing is decided, VMs run on, and what happened to them is taken up afterwards. */

const start = { type: 'start', by: 'operator' } as const;
const stop = { type: 'stop', by: 'operator' } as const;
const OUTAGE_MS = 120_000;

/** A log that can be cut off: it takes nothing and tells nothing. */
function cuttable() {
  let cut = false;
  const wrap = (log: Log): Log => ({
    ...log,
    append: (...args) =>
      cut
        ? Promise.resolve({ kind: 'refused', reason: 'unavailable', message: 'told to be cut off' })
        : log.append(...args),
    head: (stream) => (cut ? Promise.reject(new LogUnavailableError('told to be cut off')) : log.head(stream)),
  });
  return {
    wrap,
    set: (now: boolean): void => {
      cut = now;
    },
  };
}

async function refusal(promise: Promise<unknown>): Promise<StatevisorError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof StatevisorError)) throw new Error(`no refusal: ${String(error)}`);
  return error;
}

describe('while the log cannot be reached', () => {
  test('a command is refused, its VM runs on, and the same command is taken afterwards', async () => {
    const line = cuttable();
    const host = await simulatedHost({}, { log: line.wrap });
    const id = await runningInstance(host);
    line.set(true);
    expect(await refusalCode(host.supervisor.command(id, stop, OPERATOR))).toBe('log_unavailable');
    await host.clock.advance(OUTAGE_MS);
    expect(host.instances.get(id)?.state).toBe('Running');
    line.set(false);
    await host.supervisor.command(id, stop, OPERATOR);
    await host.clock.advance(10_000);
    expect(host.instances.get(id)?.state).toBe('Stopped');
  });

  test('a guest that ends is not restarted before the log is back, and then exactly once', async () => {
    const line = cuttable();
    const host = await simulatedHost({}, { log: line.wrap });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    line.set(true);
    await host.control.guestExit(id, 1);
    await host.clock.advance(OUTAGE_MS);
    expect(await bootsOf(host, id)).toBe(1);
    line.set(false);
    await host.clock.advance(20_000);
    expect([await bootsOf(host, id), host.instances.get(id)?.run]).toEqual([2, 2]);
  });

  test('a backoff that is over waits for the log, and then its restart is made once', async () => {
    const line = cuttable();
    const host = await simulatedHost({}, { log: line.wrap });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    // The first restart comes at once; only the second one is backed off.
    for (let ends = 0; ends < 2; ends++) {
      await host.control.guestExit(id, 1);
      await host.clock.advance(2_000);
    }
    expect(host.instances.get(id)?.state).toBe('Stopped');
    line.set(true);
    await host.clock.advance(OUTAGE_MS);
    expect(await bootsOf(host, id)).toBe(2);
    line.set(false);
    await host.clock.advance(20_000);
    expect([await bootsOf(host, id), host.instances.get(id)?.state]).toEqual([3, 'Running']);
  });

  test('the newest reading of a probe is kept, not the first and not none', async () => {
    const line = cuttable();
    const host = await simulatedHost({}, { log: line.wrap });
    const health_check: HealthCheck = {
      target: { type: 'tcp', port: 80 },
      interval_ms: 10_000,
      timeout_ms: 2_000,
      start_period_ms: 0,
      failure_threshold: 1,
      success_threshold: 1,
    };
    const id = await runningInstance(host, { health_check });
    const window = { run: 1, revision: 0 };
    line.set(true);
    host.supervisor.observe(id, { type: 'probe.failed', window, error: 'first' });
    await host.clock.advance(1_000);
    for (let n = 0; n < 50; n++) host.supervisor.observe(id, { type: 'probe.passed', window });
    await host.clock.advance(OUTAGE_MS);
    line.set(false);
    await host.clock.advance(5_000);
    const probes = (await host.records(id)).map(({ event }) => event.type).filter((type) => type.startsWith('probe.'));
    expect(probes).toEqual(['probe.failed', 'probe.passed']);
  });
});

test('timers that are due while the log says that it is cut off bother neither it nor anybody who reads problems', async () => {
  let cut = false;
  let asked = 0;
  const told = (log: Log): Log => ({
    ...log,
    state: () => (cut ? { mode: 'log_unreachable', reachable: false, since: 0, message: 'cut off' } : log.state()),
    append: (...args) => {
      asked += 1;
      return log.append(...args);
    },
    head: (stream) => {
      asked += 1;
      return log.head(stream);
    },
  });
  const host = await simulatedHost({ restingMax: 0 }, { log: told });
  const expires_at = host.clock.now() + 60_000;
  const expiring = definition({ expiry: { expires_at, then: 'delete' } });
  const { id } = await host.supervisor.create(expiring, 'stopped', OPERATOR);
  await host.clock.advance(1_000);
  cut = true;
  asked = 0;
  await host.clock.advance(OUTAGE_MS);
  expect([asked, host.problems, host.supervisor.has(id)]).toEqual([0, [], true]);
  cut = false;
  await host.clock.advance(10_000);
  expect(host.supervisor.has(id)).toBe(false);
});

describe('a log that falls silent in the midst of an append', () => {
  const silent =
    (broken: () => boolean) =>
    (log: Log): Log => ({
      ...log,
      head: (stream) => (broken() ? Promise.reject(new LogUnavailableError('told to be silent')) : log.head(stream)),
    });

  test('leaves the outcome open in bounded time, for repetitions of the same id too, and tells it once it is known', async () => {
    let broken = false;
    const host = await simulatedHost({}, { log: silent(() => broken) });
    broken = true;
    host.log.fail('unknown_written');
    const meta = { ...OPERATOR, commandId: 'once', digest: 'd' };
    const first = refusal(host.supervisor.create(definition(), 'running', meta));
    await host.clock.advance(OUTCOME_WAIT_MAX_MS);
    expect((await first).toBody()).toMatchObject({ code: 'log_unavailable', details: { outcome: 'unknown' } });
    expect(await refusalCode(host.supervisor.create(definition(), 'running', meta))).toBe('log_unavailable');
    broken = false;
    await host.clock.advance(5_000);
    const repeated = await host.supervisor.create(definition(), 'running', meta);
    expect(repeated.repeated).toBe(true);
    expect([await bootsOf(host, repeated.id), host.instances.get(repeated.id)?.state]).toEqual([1, 'Running']);
  });

  test('gives the name of a create free again once it is known not to be written', async () => {
    let broken = false;
    const host = await simulatedHost({}, { log: silent(() => broken) });
    broken = true;
    host.log.fail('unknown_lost');
    const first = refusal(host.supervisor.create(definition(), 'stopped', OPERATOR));
    await host.clock.advance(OUTCOME_WAIT_MAX_MS);
    await first;
    expect(await refusalCode(host.supervisor.create(definition(), 'stopped', OPERATOR))).toBe('name_conflict');
    broken = false;
    await host.clock.advance(1_000);
    await host.supervisor.create(definition(), 'stopped', OPERATOR);
    expect(host.supervisor.status().instances).toBe(1);
  });

  test('lets no command act twice that was left open', async () => {
    let broken = false;
    const host = await simulatedHost({}, { log: silent(() => broken) });
    const id = await runningInstance(host);
    await host.supervisor.command(id, stop, OPERATOR);
    await host.clock.advance(10_000);
    broken = true;
    host.log.fail('unknown_written');
    const meta = { ...OPERATOR, commandId: 'start-once', digest: 'd' };
    const first = refusal(host.supervisor.command(id, start, meta));
    await host.clock.advance(OUTCOME_WAIT_MAX_MS);
    expect((await first).code).toBe('log_unavailable');
    broken = false;
    await host.clock.advance(5_000);
    expect((await host.supervisor.command(id, start, meta)).repeated).toBe(true);
    expect(await bootsOf(host, id)).toBe(2);
  });
});

test('a log that another process has taken over makes its owner step down, whatever comes', async () => {
  let lost = false;
  const taken = (log: Log): Log => ({
    ...log,
    append: (...args) =>
      lost ? Promise.resolve({ kind: 'refused', reason: 'not_owner', message: 'taken over' }) : log.append(...args),
  });
  const host = await simulatedHost({}, { log: taken });
  const id = await runningInstance(host, { restart_policy: ON_FAILURE });
  lost = true;
  await host.control.guestExit(id, 1);
  await host.clock.advance(OUTAGE_MS);
  expect(await refusalCode(host.supervisor.command(id, stop, OPERATOR))).toBe('not_owner');
  expect(await bootsOf(host, id)).toBe(1);
});

test('a record that will never fit is refused as too large, and nothing else changes', async () => {
  let small = false;
  const narrow = (log: Log): Log => ({
    ...log,
    append: (...args) =>
      small
        ? Promise.resolve({ kind: 'refused', reason: 'too_large', message: 'told to be narrow' })
        : log.append(...args),
  });
  const host = await simulatedHost({}, { log: narrow });
  small = true;
  expect(await refusalCode(host.supervisor.create(definition(), 'stopped', OPERATOR))).toBe('payload_too_large');
  small = false;
  await host.supervisor.create(definition(), 'stopped', OPERATOR);
  expect(host.supervisor.status().instances).toBe(1);
});
