/** Goal: `wait` answers when, and only when, there is something to tell. Method: simulated time, so that each instant is known. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WAITERS_MAX } from '../../src/gateway/use-cases/waiting.ts';
import { gatewayScene, OPERATOR, type Scene } from './gateway-scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await gatewayScene();
});
afterEach(() => scene.close());

const wait = (input: object) => scene.useCases.wait(input, OPERATOR);
const elapsed = async (pending: Promise<unknown>): Promise<number> => {
  const from = scene.clock.now();
  await scene.during(pending);
  return scene.clock.now() - from;
};

test('it answers at once when the state is already the one', async () => {
  await scene.running('web');
  const pending = wait({ id: 'web', state: 'Running' });
  expect(await elapsed(pending)).toBe(0);
  expect((await pending).body).toEqual({ state: 'Running', state_error: null, timed_out: false });
});

test('it answers when the state is reached', async () => {
  await scene.running('web');
  const pending = wait({ id: 'web', state: 'Stopped' });
  await scene.useCases.stop({ id: 'web' }, OPERATOR);
  expect((await scene.during(pending)).body).toEqual({ state: 'Stopped', state_error: null, timed_out: false });
});

test.each([
  ['stop', 'Stopped'],
  ['standby', 'Standby'],
] as const)('after a %s it does not wait for Created any longer', async (verb, state) => {
  await scene.running('web');
  const pending = wait({ id: 'web', state: 'Created' });
  await scene.useCases[verb]({ id: 'web' }, OPERATOR);
  expect((await scene.during(pending)).body).toMatchObject({ state, timed_out: false });
});

test('a pending automatic restart is not an end', async () => {
  const policy = { policy: 'always', backoff: '30s', max_attempts: 2 };
  const id = await scene.running('web', { restart_policy: policy });
  await scene.control.guestExit({ instance: id, run: 1 }, 1);
  await scene.clock.settle();
  await scene.during(wait({ id, state: 'Running' }));
  await scene.control.guestExit({ instance: id, run: 2 }, 1);
  await scene.clock.settle();
  expect(scene.instances.get(id)).toMatchObject({ state: 'Stopped', phase: 'backoff' });
  const pending = wait({ id, state: 'Running' });
  expect((await scene.during(pending)).body).toMatchObject({ state: 'Running', timed_out: false });
  expect(scene.instances.get(id)).toMatchObject({ run: 3 });
});

test('it gives up after a minute, after the time that was given, and after five minutes at most', async () => {
  await scene.running('web');
  const stayed = { state: 'Running', state_error: null, timed_out: true };
  for (const [timeout, ms] of [
    [undefined, 60_000],
    ['2s', 2_000],
    ['1h', 300_000],
  ] as const) {
    const pending = wait({ id: 'web', state: 'Standby', timeout });
    expect(await elapsed(pending)).toBe(ms);
    expect((await pending).body).toEqual(stayed);
  }
});

test('an instance that is deleted meanwhile is not found', async () => {
  await scene.running('web');
  const pending = wait({ id: 'web', state: 'Standby' });
  await scene.useCases.delete({ id: 'web' }, OPERATOR);
  await expect(scene.during(pending)).rejects.toMatchObject({ code: 'not_found' });
});

test('a state or a timeout that is none is refused by its own code', async () => {
  await scene.running('web');
  await expect(wait({ id: 'web', state: 'running' })).rejects.toMatchObject({ code: 'invalid_state', status: 400 });
  for (const timeout of ['soon', '0s', '-1s', '5']) {
    await expect(wait({ id: 'web', state: 'Running', timeout })).rejects.toMatchObject({
      code: 'invalid_timeout',
      field: 'timeout',
      status: 400,
    });
  }
});

test('when too many wait the next is refused, unless there is nothing to wait for; commands have places of their own', async () => {
  await scene.running('web');
  await scene.running('other');
  const waiting = Array.from({ length: WAITERS_MAX.state }, () => wait({ id: 'other', state: 'Standby' }));
  await expect(wait({ id: 'web', state: 'Stopped' })).rejects.toMatchObject({ code: 'busy', status: 429 });
  expect((await wait({ id: 'web', state: 'Running' })).body).toMatchObject({ state: 'Running', timed_out: false });
  const stopped = await scene.during(scene.useCases.stop({ id: 'web', wait: '30s' }, OPERATOR));
  expect(stopped).toMatchObject({ status: 200, outcome: 'reached' });
  await scene.during(Promise.all(waiting));
  expect(await scene.during(wait({ id: 'other', state: 'Standby', timeout: '1s' }))).toMatchObject({ status: 200 });
});
