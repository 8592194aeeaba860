/**
 * Goal: what people see and say of automatic restarts, at the use cases behind every door. Method: the whole runtime in
 * simulated time; guests end when they are told to.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { WholeView } from '../../src/gateway/use-cases/readings.ts';
import { gatewayScene, OPERATOR, type Scene, viewIn } from './gateway-scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await gatewayScene();
});
afterEach(() => scene.close());

const look = async (id: string): Promise<WholeView> => (await scene.useCases.get({ id }, OPERATOR)).body as WholeView;

/** Ends the guest's run with that code and waits until nothing moves. */
async function end(id: string, code: number): Promise<void> {
  await scene.control.guestExit({ instance: id, run: (await look(id)).run }, code);
  await scene.clock.settle();
}

/** An instance whose first automatic attempt was made at once, and whose second one is pending. */
async function inBackoff(policy: object = {}): Promise<string> {
  const id = await scene.running('web', { restart_policy: { policy: 'on_failure', backoff: '30s', ...policy } });
  await end(id, 3);
  await scene.during(scene.useCases.wait({ id, state: 'Running' }, OPERATOR));
  await end(id, 4);
  expect(await look(id)).toMatchObject({ state: 'Stopped', phase: 'backoff' });
  return id;
}

describe('what is shown', () => {
  test('without anything to tell there is neither a status nor an account', async () => {
    const view = await look(await scene.running('web'));
    expect([view.restart_status, view.restart, view.restart_forecast]).toEqual([undefined, undefined, undefined]);
  });

  test('the status has exactly the fields of the reference, and only those that are not zero', async () => {
    const id = await inBackoff();
    expect(Object.keys((await look(id)).restart_status ?? {}).sort()).toEqual([
      'attempts',
      'last_attempt_at',
      'next_attempt_at',
    ]);
    await scene.useCases.stop({ id }, OPERATOR);
    expect((await look(id)).restart_status).toEqual({ blocked_reason: 'manual_stop' });
  });

  test('our own account tells what is pending, until when, and why each attempt was made', async () => {
    const id = await inBackoff();
    const { restart, restart_status } = await look(id);
    expect(restart?.pending).toEqual({
      cause: 'exit',
      waits_for: 'backoff',
      not_before: restart_status?.next_attempt_at,
    });
    expect(restart?.causes).toEqual([
      { attempt: 1, at: restart_status?.last_attempt_at, cause: 'exit', detail: expect.stringContaining('3') },
    ]);
  });

  test('the forecast begins with what is pending and tells when it gives up', async () => {
    const id = await inBackoff({ max_attempts: 4 });
    const { restart_status, restart_forecast } = await look(id);
    expect(restart_forecast).toMatchObject({ gives_up_after: 4, unbounded: false });
    expect(restart_forecast?.attempts.map(({ attempt }) => attempt)).toEqual([2, 3, 4]);
    expect(restart_forecast?.attempts[0]?.not_before).toBe(restart_status?.next_attempt_at);
  });

  test('a list shows the account, and leaves the forecast to those who look closer', async () => {
    const id = await inBackoff();
    const reply = await scene.useCases.list({}, OPERATOR);
    const [listed] = JSON.parse(`[${reply.itemsText?.()}]`) as WholeView[];
    expect(listed).toMatchObject({ id, restart: { pending: { waits_for: 'backoff' } } });
    expect(listed).not.toHaveProperty('restart_forecast');
  });

  test('hands off is told as what holds back', async () => {
    const id = await inBackoff();
    await scene.useCases.ignore({ id }, OPERATOR);
    expect((await look(id)).restart).toMatchObject({ held_back_by: 'ignore' });
  });
});

describe('cancel_restart', () => {
  test('does without the pending restart and leaves what is wanted', async () => {
    const id = await inBackoff();
    const reply = await scene.useCases.cancel_restart({ id }, OPERATOR);
    expect(reply).toMatchObject({ status: 202, body: { phase: 'failed', wanted: 'running' } });
    expect(viewIn(reply).restart).toMatchObject({ waived: true });
    await scene.clock.advance(3_600_000);
    expect(await look(id)).toMatchObject({ state: 'Stopped', run: 2, wanted: 'running' });
  });

  test('is refused when nothing is pending, and appends nothing', async () => {
    const id = await scene.running('web', { restart_policy: { policy: 'always' } });
    const records = await scene.countRecords();
    const pending = scene.useCases.cancel_restart({ id }, OPERATOR);
    await expect(pending).rejects.toMatchObject({
      code: 'invalid_state',
      status: 409,
      message: 'No automatic restart is pending, so there is nothing to cancel.',
    });
    expect(await scene.countRecords()).toBe(records);
  });

  test('a later crash is answered as ever', async () => {
    const id = await inBackoff();
    await scene.useCases.cancel_restart({ id }, OPERATOR);
    await scene.during(scene.useCases.start({ id, wait: '1m' }, OPERATOR));
    await end(id, 3);
    await scene.during(scene.useCases.wait({ id, state: 'Running' }, OPERATOR));
    expect(await look(id)).toMatchObject({ run: 4, restart_status: { attempts: 1 } });
  });
});

describe('reset_restart', () => {
  test('opens a new window and starts nothing that has given up', async () => {
    const id = await inBackoff({ max_attempts: 2 });
    await scene.during(scene.useCases.wait({ id, state: 'Running' }, OPERATOR));
    await end(id, 5);
    expect((await look(id)).restart_status).toMatchObject({ blocked_reason: 'max_attempts_exceeded' });
    const reply = await scene.useCases.reset_restart({ id }, OPERATOR);
    expect(reply).toMatchObject({ status: 202 });
    expect(viewIn(reply).restart_status).toBeUndefined();
    await scene.clock.advance(3_600_000);
    expect(await look(id)).toMatchObject({ state: 'Stopped', run: 3, wanted: 'running' });
  });

  test('lifts no manual stop: it is refused', async () => {
    const id = await scene.running('web', { restart_policy: { policy: 'always' } });
    await scene.during(scene.useCases.stop({ id, wait: '1m' }, OPERATOR));
    await expect(scene.useCases.reset_restart({ id }, OPERATOR)).rejects.toMatchObject({
      code: 'invalid_state',
      details: { accepts: expect.arrayContaining(['start']) },
    });
    expect((await look(id)).restart_status).toEqual({ blocked_reason: 'manual_stop' });
  });
});

describe('intent', () => {
  test('a stop is remembered without a policy: one that is added later starts nothing', async () => {
    const id = await scene.running('web');
    await scene.during(scene.useCases.stop({ id, wait: '1m' }, OPERATOR));
    const updated = await scene.useCases.update({ id, restart_policy: { policy: 'always' } }, OPERATOR);
    expect(viewIn(updated)).toMatchObject({ wanted: 'stopped', restart_status: { blocked_reason: 'manual_stop' } });
    await scene.clock.advance(3_600_000);
    expect(await look(id)).toMatchObject({ state: 'Stopped', run: 1, wanted: 'stopped' });
  });

  test('editing the policy of an instance that was stopped by hand keeps the stop and clears the rest', async () => {
    const id = await inBackoff({ max_attempts: 5 });
    await scene.useCases.stop({ id }, OPERATOR);
    for (const restart_policy of [{ policy: 'always' }, { policy: 'never' }, { policy: 'on_failure', backoff: '1s' }]) {
      const { body } = await scene.useCases.update({ id, restart_policy }, OPERATOR);
      expect(body).toMatchObject({ restart_status: { blocked_reason: 'manual_stop' } });
    }
    await scene.clock.advance(3_600_000);
    expect(await look(id)).toMatchObject({ state: 'Stopped', run: 2 });
  });
});
