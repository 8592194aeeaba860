/**
 * Goal: health is shown exactly where it says something, with counts and times that the log does not have. Method: the
 * whole runtime in simulated time; a prober that answers what the test says.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ProbeResult } from '../../src/actors/contracts/probe.ts';
import type { WholeView } from '../../src/gateway/use-cases/readings.ts';
import { gatewayScene, OPERATOR, type Scene } from './gateway-scene.ts';

const CHECK = { tcp: { port: 80 }, interval: '1s', start_period: '0s', failure_threshold: 2, success_threshold: 2 };
const NOTHING = { consecutive_successes: 0, consecutive_failures: 0 };
const PASSED: ProbeResult = { result: 'passed' };
const FAILED: ProbeResult = { result: 'failed', error: 'The connection was refused.' };

let scene: Scene;
let answer: ProbeResult;
beforeEach(async () => {
  answer = PASSED;
  scene = await gatewayScene({}, { prober: { probe: () => Promise.resolve(answer) } });
});
afterEach(() => scene.close());

const look = async (id: string): Promise<WholeView> => (await scene.useCases.get({ id }, OPERATOR)).body as WholeView;
const listed = async (): Promise<WholeView[]> => {
  const reply = await scene.useCases.list({}, OPERATOR);
  return JSON.parse(`[${reply.itemsText?.()}]`) as WholeView[];
};

describe('the status', () => {
  test('is disabled without a check, whatever the state', async () => {
    const id = await scene.running('web');
    expect((await look(id)).health_status).toEqual({ status: 'disabled', ...NOTHING });
    await scene.during(scene.useCases.stop({ id, wait: '1m' }, OPERATOR));
    expect((await look(id)).health_status).toEqual({ status: 'disabled', ...NOTHING });
  });

  test('is starting while the guest comes up', async () => {
    await scene.control.setBootDuration('*', 60_000);
    const reply = await scene.useCases.create({ name: 'web', image: 'demo', health_check: CHECK }, OPERATOR);
    await scene.clock.advance(5_000);
    const view = await look((reply.body as WholeView).id);
    expect([view.state, view.health_status]).toEqual(['Initializing', { status: 'starting', ...NOTHING }]);
  });

  test.each(['stop', 'standby'] as const)('is unknown, without counts and times, after a %s', async (verb) => {
    const id = await scene.running('web', { health_check: CHECK });
    await scene.clock.advance(10_000);
    expect((await look(id)).health_status.status).toBe('healthy');
    await scene.during(scene.useCases[verb]({ id, wait: '1m' }, OPERATOR));
    const view = await look(id);
    expect([view.health_status, view.probes]).toEqual([{ status: 'unknown', ...NOTHING }, undefined]);
  });

  test('in running has exactly the fields of the reference', async () => {
    const id = await scene.running('web', { health_check: CHECK });
    await scene.clock.advance(10_000);
    const { health_status } = await look(id);
    expect(Object.keys(health_status).sort()).toEqual([
      'consecutive_failures',
      'consecutive_successes',
      'last_checked_at',
      'last_error',
      'last_failure_at',
      'last_success_at',
      'status',
    ]);
    expect(health_status).toMatchObject({ status: 'healthy', last_failure_at: null, last_error: null });
  });
});

describe('what is known beside the log', () => {
  test('counts go on past the thresholds while nothing is written', async () => {
    const id = await scene.running('web', { health_check: CHECK });
    await scene.clock.advance(10_000);
    const records = await scene.countRecords();
    const before = (await look(id)).health_status;
    await scene.clock.advance(60_000);
    const after = (await look(id)).health_status;
    expect(after.consecutive_successes).toBe(before.consecutive_successes + 60);
    expect(Date.parse(after.last_checked_at ?? '') - Date.parse(before.last_checked_at ?? '')).toBe(60_000);
    expect(await scene.countRecords()).toBe(records);
  });

  test('a list shows the same counts as a look at one', async () => {
    const id = await scene.running('web', { health_check: CHECK });
    await scene.clock.advance(30_000);
    const [one] = await listed();
    expect(one?.health_status).toEqual((await look(id)).health_status);
    expect(one).not.toHaveProperty('probes');
  });

  test('the newest results stand one by one beside hypeman’s fields, and never more than are kept', async () => {
    const id = await scene.running('web', { health_check: CHECK });
    await scene.clock.advance(30_000);
    answer = FAILED;
    await scene.clock.advance(1_000);
    const { probes, health_status } = await look(id);
    expect(probes?.last_results).toHaveLength(10);
    expect(probes?.last_results.at(-1)).toMatchObject({
      result: 'failed',
      error: 'The connection was refused.',
      at: health_status.last_failure_at,
    });
    // One failure is not enough for another verdict.
    expect(health_status).toMatchObject({ status: 'healthy', consecutive_failures: 1, consecutive_successes: 0 });
  });

  test('of a run that has been replaced nothing is shown', async () => {
    const id = await scene.running('web', { health_check: { ...CHECK, success_threshold: 50 } });
    await scene.clock.advance(20_000);
    expect((await look(id)).health_status.consecutive_successes).toBeGreaterThan(10);
    await scene.during(scene.useCases.restart({ id, wait: '1m' }, OPERATOR));
    const { health_status, run } = await look(id);
    expect([run, health_status.status]).toEqual([2, 'starting']);
    expect(health_status.consecutive_successes).toBeLessThan(3);
  });
});

test('an unhealthy guest that waits for its restart is told to wait for the right thing, and for its health', async () => {
  const restart_policy = { policy: 'on_failure', stability_period: '10m' };
  const id = await scene.running('web', { health_check: CHECK, restart_policy });
  answer = FAILED;
  await scene.clock.advance(30_000);
  const { restart, restart_status, run, state } = await look(id);
  expect([run, state]).toEqual([2, 'Running']);
  expect(restart_status).toMatchObject({ attempts: 1, last_reason: 'health_check_failed' });
  const gateEnds = new Date(Date.parse(restart_status?.last_attempt_at ?? '') + 600_000).toISOString();
  expect(restart?.pending).toEqual({ cause: 'health', waits_for: 'stability_period', not_before: gateEnds });
  expect(restart?.causes).toMatchObject([{ attempt: 1, cause: 'health', detail: expect.stringContaining('refused') }]);
  answer = PASSED;
  await scene.clock.advance(10_000);
  expect((await look(id)).restart?.pending).toBeUndefined();
});
