/** Goal: what is asked of instances follows their charts and nothing else. Method: the runtime in simulated time. */
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import type { ProbedGuest, ProbeResult } from '../../../src/actors/contracts/probe.ts';
import { WAKE_GAP_MS } from '../../../src/actors/probing/cadence.ts';
import { StandingWork } from '../../../src/actors/standing-work.ts';
import { changesNothing } from '../../../src/actors/steady-state.ts';
import { definition } from '../../machines/definitions.ts';
import { bootUp, drive } from '../../machines/driver.ts';
import { ON_FAILURE, OPERATOR, runningInstance, START, simulatedHost } from '../simulated-host.ts';
import { CHECK } from './probing-scene.ts';

const PASSED: ProbeResult = { result: 'passed' };
const FAILED: ProbeResult = { result: 'failed', error: 'refused' };
const SLOTS = [0, 10_000, 20_000, 30_000, 40_000];

/** A simulated host whose guests answer what `answer` says. */
async function probedHost() {
  const asked: (ProbedGuest & { readonly at: number })[] = [];
  const scene = { answer: (_guest: ProbedGuest): ProbeResult => PASSED };
  const host = await simulatedHost({
    prober: {
      probe: async (guest) => {
        asked.push({ ...guest, at: host.clock.monotonic() });
        return scene.answer(guest);
      },
    },
  });
  return Object.assign(scene, {
    host,
    asked,
    /** Counted from the first question to this instance. */
    askedAt: (id: string): number[] => {
      const instants = asked.filter(({ instance }) => instance === id).map(({ at }) => at);
      return instants.map((at) => at - instants[0]!);
    },
    readings: (id: string) => host.supervisor.probeReadings.readingsOf(id),
    update: (id: string, changes: Parameters<typeof definition>[0]) =>
      host.supervisor.command(id, { type: 'update', by: 'ada', changes: changes as never }, OPERATOR),
  });
}

describe('the cadence of an instance', () => {
  test('is unmoved by updates of anything but the check', async () => {
    const { askedAt, host, update } = await probedHost();
    const id = await runningInstance(host, { health_check: CHECK });
    for (const backoff_ms of [1_000, 2_000, 3_000]) {
      await host.clock.advance(7_300);
      await update(id, { restart_policy: { ...ON_FAILURE, backoff_ms } });
    }
    await host.clock.advance(20_000);
    expect(askedAt(id)).toEqual(SLOTS);
  });

  test('begins anew with a changed check, and with the guest of another run', async () => {
    const { asked, host, update } = await probedHost();
    const id = await runningInstance(host, { health_check: CHECK });
    await host.clock.advance(3_000);
    const before = host.clock.monotonic();
    await update(id, { health_check: { ...CHECK, interval_ms: 4_000 } });
    await host.clock.advance(9_000);
    expect(asked.slice(1).map(({ at, run }) => [at - before, run])).toEqual([
      [0, 1],
      [4_000, 1],
      [8_000, 1],
    ]);
    await host.supervisor.command(id, { type: 'restart', by: 'ada' }, OPERATOR);
    await host.clock.advance(20_000);
    expect(asked.slice(4).every(({ run }) => run === 2)).toBe(true);
  });

  test('is unmoved by what becomes of another: its log takes nothing, it is restarted for its health', async () => {
    const scene = await probedHost();
    const { askedAt, host } = scene;
    const sick = await runningInstance(host, { health_check: CHECK, restart_policy: ON_FAILURE, name: 'sick' });
    const well = await runningInstance(host, { health_check: CHECK, name: 'well' });
    await host.clock.advance(1_000);
    scene.answer = ({ instance }) => (instance === sick ? FAILED : PASSED);
    host.log.fail('hang');
    await host.clock.advance(25_000);
    expect(askedAt(sick)).toEqual(SLOTS.slice(0, 3));
    host.log.release();
    await host.clock.advance(15_000);
    expect(askedAt(well).map((at) => Math.round(at / (2 * WAKE_GAP_MS)) * 2 * WAKE_GAP_MS)).toEqual(SLOTS);
    await host.clock.advance(60_000);
    expect(host.instances.get(sick)).toMatchObject({ restart_status: { last_reason: 'health_check_failed' } });
    expect(host.instances.get(well)).toMatchObject({ run: 1, health_status: { status: 'healthy' } });
  });
});

describe('live readings', () => {
  test('count on while the log stands still, and go with the window', async () => {
    const { host, readings } = await probedHost();
    const id = await runningInstance(host, { health_check: CHECK });
    const before = (await host.records(id)).length;
    const appends = host.log.appends();
    await host.clock.advance(3_600_000);
    expect(readings(id)).toMatchObject({ run: 1, consecutive_successes: 361, last_checked_at: expect.any(Number) });
    expect(await host.records(id)).toHaveLength(before);
    expect(host.log.appends()).toBe(appends);
    await host.supervisor.command(id, { type: 'stop', by: 'ada' }, OPERATOR);
    await host.clock.settle();
    expect(readings(id)).toBeUndefined();
  });

  test('of an unhealthy guest count on as well: its row of failures is written once and no further', async () => {
    const scene = await probedHost();
    scene.answer = () => FAILED;
    const { host, readings } = scene;
    const id = await runningInstance(host, { health_check: CHECK });
    await host.clock.advance(30_000);
    const before = (await host.records(id)).length;
    await host.clock.advance(3_600_000);
    expect(readings(id)).toMatchObject({ consecutive_failures: 364, last_error: 'refused' });
    expect(await host.records(id)).toHaveLength(before);
  });

  test('begin anew in the next daemon with the counts that the chart has', async () => {
    const scene = await probedHost();
    scene.answer = () => FAILED;
    const { host, readings } = scene;
    const id = await runningInstance(host, { health_check: CHECK });
    await host.clock.advance(600_000);
    scene.answer = () => ({ result: 'unavailable', error: 'no agent' });
    await host.restart();
    await host.clock.advance(0);
    expect(readings(id)).toMatchObject({ consecutive_failures: 3, last_checked_at: null, last_error: 'no agent' });
    scene.answer = () => FAILED;
    await host.clock.advance(10_000);
    expect(readings(id)).toMatchObject({ consecutive_failures: 4 });
  });

  test('are of the present window alone: a changed check begins with none', async () => {
    const { host, readings, update } = await probedHost();
    const id = await runningInstance(host, { health_check: CHECK });
    await host.clock.advance(600_000);
    const { revision } = readings(id)!;
    await update(id, { health_check: { ...CHECK, interval_ms: 4_000 } });
    await host.clock.advance(0);
    expect(readings(id)).toMatchObject({ revision: revision + 1, consecutive_successes: 1 });
  });
});

describe('a result that would change nothing', () => {
  const driver = drive(definition({ health_check: CHECK }));
  bootUp(driver, 0);
  const passed = { type: 'probe.passed', window: { run: 1, revision: 0 } } as const;
  const head = (at: number) => ({
    stream: 'x',
    version: 1,
    at,
    snapshot: driver.snapshot(),
    timers: [],
    definitionAt: 1,
  });

  test('becomes no letter once the instance has nothing else in hand', () => {
    expect(changesNothing({ working: false, head: head(0) }, passed, 5)).toBe(false);
    driver.send(1_000, passed);
    expect(changesNothing({ working: false, head: head(0) }, passed, 5)).toBe(true);
  });

  test('is not even handed to the instance by what probes it', async () => {
    driver.send(1_000, passed);
    const handed: string[] = [];
    const clock = new SimulatedClock(START);
    const standing = new StandingWork({
      clock,
      prober: { probe: async () => PASSED },
      deliver: (instance) => void handed.push(instance),
      actorOf: (instance) => (instance === 'in-memory' ? { working: false, head: head(0) } : undefined),
    });
    for (const instance of ['in-memory', 'read-back']) standing.derive(instance, driver.snapshot());
    await clock.advance(50_000);
    expect(standing.readingsOf('in-memory')).toMatchObject({ consecutive_successes: 1 + 6 });
    expect(handed).toEqual(Array(6).fill('read-back'));
    standing.close();
    expect(clock.nextTimerInMs()).toBeNull();
  });

  test('waits its turn while the instance has something in hand, since that may change what it means', () => {
    expect(changesNothing({ working: true, head: head(0) }, passed, 5)).toBe(false);
  });

  test('is judged by the time that its record would bear: that of the head, when the wall clock was set back', () => {
    const failing = drive(definition({ health_check: { ...CHECK, failure_threshold: 1, start_period_ms: 60_000 } }));
    bootUp(failing, 0);
    const failed = { type: 'probe.failed', window: { run: 1, revision: 0 }, error: 'refused' } as const;
    failing.send(1_000, failed);
    const snapshot = failing.snapshot();
    const at = (offsetMs: number) => snapshot.context.health.window_started_at! + offsetMs;
    const actor = { working: false, head: { ...head(at(60_000)), snapshot } };
    expect(changesNothing({ ...actor, head: { ...actor.head, at: at(1_000) } }, failed, at(2_000))).toBe(true);
    expect(changesNothing(actor, failed, at(2_000))).toBe(false);
  });
});
