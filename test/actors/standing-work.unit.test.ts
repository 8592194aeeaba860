import { afterEach, describe, expect, test } from 'vitest';
import type { HealthCheck } from '../../machines/policies.ts';
import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import type { ProbeResult, Prober } from '../../src/actors/contracts/probe.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import type { Supervisor } from '../../src/actors/supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { createInstances } from '../../src/projections/instances.ts';
import { definition } from './simulated-host.ts';

const START = Date.UTC(2026, 0, 1, 12);
const BOOT_MS = 1_000;
const BY = { actor: 'test', via: 'http' } as const;

const check: HealthCheck = {
  target: { type: 'tcp', port: 80 },
  interval_ms: 10_000,
  timeout_ms: 2_000,
  start_period_ms: 0,
  failure_threshold: 3,
  success_threshold: 1,
};

const probed = definition({ health_check: check });

interface Probed {
  readonly at: number;
  readonly run: number;
  readonly signal: AbortSignal;
}

const closing: Supervisor[] = [];
afterEach(async () => {
  for (const supervisor of closing.splice(0)) await supervisor.close();
});

/** A running instance whose probes are answered by `answer` after `answerMs`. */
async function probedHost(answer: (clock: SimulatedClock) => Promise<ProbeResult>, answerMs = 0) {
  const clock = new SimulatedClock(START);
  const random = seededRandom(1, clock);
  const world = createWorld({ clock, random });
  const log = createMemoryLog();
  const instances = createInstances();
  const probes: Probed[] = [];
  const prober: Prober = {
    async probe({ run }, _check, signal) {
      probes.push({ at: clock.monotonic() - BOOT_MS, run, signal });
      if (answerMs > 0) await clock.sleep(answerMs, signal);
      return answer(clock);
    },
  };
  const start = async (): Promise<Supervisor> => {
    const hypervisor = createSimulator({ world, clock });
    const onRecord = instances.apply;
    const supervisor = await createSupervisor({
      log,
      hypervisor,
      clock,
      random,
      prober,
      clockLookMs: Infinity,
      onRecord,
    });
    closing.push(supervisor);
    return supervisor;
  };
  const supervisor = await start();
  const { id } = await supervisor.create(probed, 'running', BY);
  await clock.advance(BOOT_MS);
  const health = () => instances.get(id)!.health_status;
  return { clock, control: controlSimulator({ world, clock }), health, id, probes, start, supervisor };
}

const passed = async (): Promise<ProbeResult> => ({ result: 'passed' });
const failed = async (): Promise<ProbeResult> => ({ result: 'failed', error: 'refused' });

describe('probing', () => {
  test('begins when the guest is ready, and goes on once an interval, however long an answer takes', async () => {
    const { clock, probes } = await probedHost(passed, 1_500);
    await clock.advance(30_000);
    expect(probes.map(({ at }) => at)).toEqual([0, 10_000, 20_000, 30_000]);
  });

  test('writes no record for a result that changes nothing', async () => {
    const { clock, id, supervisor } = await probedHost(passed);
    const before = (await supervisor.history(id, 1, 100)).length;
    await clock.advance(3_600_000);
    expect(await supervisor.history(id, 1, 100)).toHaveLength(before);
  });

  test('ends when the instance is stopped, and what was under way is told to give up', async () => {
    const { clock, id, probes, supervisor } = await probedHost(passed, 1_500);
    await supervisor.command(id, { type: 'stop', by: 'test' }, BY);
    await clock.advance(60_000);
    expect(probes).toHaveLength(1);
    expect(probes[0]!.signal.aborted).toBe(true);
  });

  test('starts anew, at once, for a changed check and for another run', async () => {
    const { clock, control, id, probes, supervisor } = await probedHost(passed);
    await clock.advance(5_000);
    const health_check = { ...check, interval_ms: 60_000 };
    await supervisor.command(id, { type: 'update', by: 'test', changes: { health_check } }, BY);
    await clock.advance(5_000);
    await control.reboot(id);
    await supervisor.command(id, { type: 'restart', by: 'test' }, BY);
    await clock.advance(30_000);
    expect(probes.map(({ at, run }) => [at, run])).toEqual([
      [0, 1],
      [5_000, 1],
      [11_500, 2],
    ]);
  });

  test('goes on in the next daemon, at once and not before it has looked for the VM', async () => {
    const { clock, probes, start, supervisor } = await probedHost(passed);
    await clock.advance(3_000);
    await supervisor.close();
    await clock.advance(60_000);
    expect(probes).toHaveLength(1);
    await start();
    await clock.advance(0);
    expect(probes.map(({ at }) => at)).toEqual([0, 63_000]);
  });

  test('finds no guest to probe in the next daemon when the VM ended meanwhile', async () => {
    const { clock, control, id, probes, start, supervisor } = await probedHost(passed);
    await supervisor.close();
    await control.guestExit(id, 0);
    await start();
    await clock.advance(60_000);
    expect(probes).toHaveLength(1);
  });

  test('begins nothing any more once the daemon closes', async () => {
    const { clock, id, probes, supervisor } = await probedHost(passed);
    await supervisor.command(id, { type: 'restart', by: 'test' }, BY);
    await supervisor.close();
    await clock.advance(60_000);
    expect(probes).toHaveLength(1);
  });
});

describe('the result of a probe', () => {
  test('is what the prober says when its time is up', async () => {
    const upToNow = { result: 'failed', error: 'no status in time' } as const;
    const { clock, health } = await probedHost((clock) => clock.sleep(2_000).then(() => upToNow));
    await clock.advance(2_000);
    expect(health()).toMatchObject({ consecutive_failures: 1, last_error: 'no status in time' });
  });

  test('that does not come within the timeout is a failure', async () => {
    const { clock, health } = await probedHost((clock) => clock.sleep(60_000).then(passed));
    await clock.advance(2_000);
    expect(health()).toMatchObject({ consecutive_failures: 1, last_error: 'no answer within 2000 ms' });
  });

  test('that comes late is not counted', async () => {
    const { clock, health, probes } = await probedHost((clock) => clock.sleep(60_000).then(passed));
    await clock.advance(30_000);
    expect(probes).toHaveLength(4);
    await clock.advance(40_000);
    expect(health()).toMatchObject({ status: 'unhealthy', consecutive_successes: 0 });
  });

  test('that is an error of the prober itself says nothing about the guest', async () => {
    const { clock, health } = await probedHost(() => Promise.reject(new Error('no route')));
    await clock.advance(60_000);
    expect(health()).toMatchObject({ status: 'starting', consecutive_failures: 0 });
  });

  test('counts: three failures make it unhealthy', async () => {
    const { clock, health } = await probedHost(failed);
    await clock.advance(19_999);
    expect(health()).toMatchObject({ status: 'starting', consecutive_failures: 2 });
    await clock.advance(1);
    expect(health()).toMatchObject({ status: 'unhealthy', consecutive_failures: 3, last_error: 'refused' });
  });
});
