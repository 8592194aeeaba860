/** Goal: each use case does what its doors promise. Method: the whole runtime over memory log and simulator, in simulated time. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StatevisorError } from '../../src/actors/errors.ts';
import type { Reply, UseCase } from '../../src/gateway/use-cases/contract.ts';
import { gatewayScene, HOST, OPERATOR, type Scene, viewIn } from './gateway-scene.ts';

let scene: Scene;
beforeEach(async () => {
  scene = await gatewayScene();
});
afterEach(() => scene.close());

async function refusal(pending: Promise<unknown>): Promise<StatevisorError> {
  const error = await pending.then(
    (answer) => new Error(`not refused: ${JSON.stringify(answer)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof StatevisorError) return error;
  throw error;
}

function recordsIn({ body }: Reply): readonly { version: number }[] {
  return (body as { records: { version: number }[] }).records;
}

describe('commands', () => {
  test('a create is answered at acceptance, with the record that is already durable', async () => {
    const reply = await scene.useCases.create({ name: 'web', image: 'demo' }, OPERATOR);
    expect(reply).toMatchObject({ status: 201, version: 1, host: HOST, body: { name: 'web', state: 'Created' } });
    expect(reply.outcome).toBeUndefined();
    expect(await scene.countRecords()).toBeGreaterThan(0);
  });

  test('a create with less memory than its image needs is refused, names the field, and appends nothing', async () => {
    const message = 'image demo needs at least 96MB of memory, not 64MB';
    const checkImage = async () => ({ code: 'memory_too_small', message });
    const small = await gatewayScene({ checkImage });
    const error = await refusal(small.useCases.create({ name: 'web', image: 'demo', size: '64MB' }, OPERATOR));
    expect(error).toMatchObject({ code: 'memory_too_small', field: 'size', message: `${message}.` });
    expect(await small.countRecords()).toBe(0);
    await small.close();
  });

  test('with wait it is answered when the guest runs', async () => {
    const reply = await scene.during(scene.useCases.create({ name: 'web', image: 'demo', wait: '1m' }, OPERATOR));
    expect(reply).toMatchObject({ status: 201, outcome: 'reached', body: { state: 'Running', run: 1 } });
  });

  test('the position of an outcome shows the outcome to a read that asks for it', async () => {
    const reply = await scene.during(scene.useCases.create({ name: 'web', image: 'demo', wait: '1m' }, OPERATOR));
    const read = await scene.useCases.get({ id: 'web', min_position: reply.position }, OPERATOR);
    expect(viewIn(read).state).toBe('Running');
    const accepted = await scene.useCases.stop({ id: 'web' }, OPERATOR);
    expect(reply.position < accepted.position).toBe(true);
    const [last] = await scene.useCases.history({ id: 'web', from: reply.version }, OPERATOR).then(recordsIn);
    expect(last?.version).toBe(reply.version);
  });

  test('start: false creates it stopped', async () => {
    const input = { name: 'web', image: 'demo', start: false, wait: '1m' };
    const reply = await scene.during(scene.useCases.create(input, OPERATOR));
    expect(reply).toMatchObject({ outcome: 'reached', body: { state: 'Stopped', run: 0, wanted: 'stopped' } });
  });

  test('stop, start, restart, standby, restore and delete each answer their outcome', async () => {
    const id = await scene.running('web');
    const outcomes: [keyof Scene['useCases'], string, number][] = [
      ['stop', 'Stopped', 1],
      ['start', 'Running', 2],
      ['restart', 'Running', 3],
      ['standby', 'Standby', 3],
      ['restore', 'Running', 4],
    ];
    for (const [verb, state, run] of outcomes) {
      const reply = await scene.during(scene.useCases[verb]({ id, wait: '1m' }, OPERATOR));
      expect(reply, verb).toMatchObject({ status: 200, outcome: 'reached', body: { state, run } });
    }
    const gone = await scene.during(scene.useCases.delete({ id, wait: '1m' }, OPERATOR));
    expect(gone).toMatchObject({ status: 200, outcome: 'reached' });
    expect((await refusal(scene.useCases.get({ id }, OPERATOR))).code).toBe('not_found');
  });

  test('a wait that runs out says so and shows how far it has come', async () => {
    await scene.control.setBootDuration('*', 60_000);
    const input = { name: 'slow', image: 'demo', wait: '2s' };
    const reply = await scene.during(scene.useCases.create(input, OPERATOR));
    expect(reply).toMatchObject({ status: 201, outcome: 'timed_out', body: { state: 'Initializing' } });
    const again = await scene.during(scene.useCases.start({ id: 'slow', wait: '1s' }, OPERATOR));
    expect(again).toMatchObject({ status: 202, outcome: 'timed_out' });
  });

  test('a start that another command turned round has missed', async () => {
    await scene.control.setBootDuration('*', 60_000);
    const created = scene.useCases.create({ name: 'web', image: 'demo', wait: '2m' }, OPERATOR);
    await scene.clock.advance(1_000);
    await scene.useCases.stop({ id: 'web' }, OPERATOR);
    expect(await scene.during(created)).toMatchObject({ outcome: 'missed', body: { state: 'Stopped' } });
  });

  test('nobody is waited for any more once the signal fires, and the command stands', async () => {
    const leaving = new AbortController();
    const caller = { ...OPERATOR, signal: leaving.signal };
    const pending = scene.useCases.create({ name: 'web', image: 'demo', wait: '1m' }, caller);
    await scene.clock.settle();
    leaving.abort();
    expect(await pending).toMatchObject({ outcome: 'timed_out' });
    await scene.clock.advance(10_000);
    expect(scene.instances.list()[0]?.state).toBe('Running');
  });

  test('an update replaces a policy whole, and never removes it', async () => {
    const policy = { policy: 'always', backoff: '3s', max_attempts: 2 };
    const id = await scene.running('web', { restart_policy: policy });
    const given = { id, restart_policy: { policy: 'on_failure', stable_after: '120s' } };
    const updated = viewIn(await scene.useCases.update(given, OPERATOR));
    expect(updated.restart_policy).toEqual({ policy: 'on_failure', backoff: '5s', stable_after: '2m0s' });
    const removed = viewIn(await scene.useCases.update({ id, restart_policy: { policy: 'never' } }, OPERATOR));
    expect(removed.restart_policy).toBeUndefined();
  });

  test('an update leaves what it does not name as it was', async () => {
    const id = await scene.running('web', { health_check: { tcp: { port: 80 } }, ttl: '1h', on_expiry: 'delete' });
    const before = scene.instances.get(id);
    const after = viewIn(await scene.useCases.update({ id, auto_standby: { enabled: false } }, OPERATOR));
    expect(after.health_check).toEqual(before?.health_check);
    expect(after.expires_at).toBe('2026-01-01T13:00:00.000Z');
    expect(after.auto_standby).toEqual({ enabled: false });
  });

  test('a check through the network is refused for an instance without one', async () => {
    const id = await scene.running('web', { network: { enabled: false } });
    const records = await scene.countRecords();
    const error = await refusal(scene.useCases.update({ id, health_check: { tcp: { port: 80 } } }, OPERATOR));
    expect(error).toMatchObject({ code: 'invalid_request', field: 'health_check' });
    expect(error.message).toContain('network.enabled');
    expect(await scene.countRecords()).toBe(records);
  });

  test('an expiry that has passed can no longer be changed', async () => {
    const id = await scene.running('web', { ttl: '1m' });
    await scene.clock.advance(120_000);
    const error = await refusal(scene.useCases.update({ id, ttl: '1h' }, OPERATOR));
    expect(error).toMatchObject({ code: 'expired', field: 'expires_at' });
  });
});

describe('command ids', () => {
  const caller = { ...OPERATOR, commandId: 'c-1' };

  test('the same command under the same id is answered from the first record and appends nothing', async () => {
    const input = { name: 'web', image: 'demo', vcpus: 1 };
    const first = await scene.useCases.create(input, caller);
    await scene.clock.settle();
    const records = await scene.countRecords();
    const again = await scene.useCases.create({ vcpus: 1, image: 'demo', name: 'web' }, caller);
    expect(again).toEqual(first);
    expect(await scene.countRecords()).toBe(records);
  });

  test('another payload, verb or target under the same id is refused', async () => {
    await scene.running('web');
    await scene.running('db');
    await scene.useCases.stop({ id: 'web' }, caller);
    const others: [UseCase, object][] = [
      [scene.useCases.stop, { id: 'web', force: true }],
      [scene.useCases.stop, { id: 'db' }],
      [scene.useCases.restart, { id: 'web' }],
    ];
    const records = await scene.countRecords();
    for (const [useCase, input] of others) {
      expect(await refusal(useCase(input, caller))).toMatchObject({ code: 'idempotency_mismatch', status: 409 });
    }
    expect(await scene.countRecords()).toBe(records);
  });

  test('repetitions that come at the same instant are one command', async () => {
    const input = { name: 'web', image: 'demo' };
    const replies = await Promise.all([1, 2, 3].map(() => scene.useCases.create(input, caller)));
    expect(new Set(replies.map((reply) => viewIn(reply).id)).size).toBe(1);
    const stops = { ...OPERATOR, commandId: 'c-2' };
    const stopped = await Promise.all([1, 2, 3].map(() => scene.useCases.stop({ id: 'web' }, stops)));
    expect(new Set(stopped.map(({ version }) => version)).size).toBe(1);
  });

  test('a repetition is answered from the record, whatever has become of the world since', async () => {
    const input = { name: 'web', image: 'demo', expires_at: '2026-01-01T12:01:00Z' };
    const first = await scene.useCases.create(input, caller);
    const update = { ...OPERATOR, commandId: 'c-2' };
    const updated = await scene.useCases.update({ id: 'web', ttl: '2m' }, update);
    await scene.clock.advance(3_600_000);
    expect(await scene.useCases.create(input, caller)).toEqual(first);
    expect(await scene.useCases.update({ id: 'web', ttl: '2m' }, update)).toEqual(updated);
  });

  test('a repeated delete is answered although the instance is gone', async () => {
    await scene.running('web');
    const first = await scene.useCases.delete({ id: 'web' }, caller);
    await scene.clock.advance(60_000);
    const again = await scene.useCases.delete({ id: 'web' }, caller);
    expect(again).toEqual(first);
    expect(await scene.during(scene.useCases.delete({ id: 'web', wait: '5s' }, caller))).toMatchObject({
      outcome: 'reached',
    });
  });

  test.each(['', ' ', 'a b', 'x'.repeat(129), 'ä'])('%j is not a command id', async (commandId) => {
    const error = await refusal(scene.useCases.create({ name: 'web', image: 'demo' }, { ...OPERATOR, commandId }));
    expect(error).toMatchObject({ code: 'invalid_request', field: 'command_id' });
    expect(await scene.countRecords()).toBe(0);
  });
});

describe('reads', () => {
  test('an instance is found by id, by name, and by a beginning of its id that no other has', async () => {
    const id = await scene.running('web');
    for (const text of [id, 'web', id.slice(0, 20)]) {
      expect(viewIn(await scene.useCases.get({ id: text }, OPERATOR)).id, text).toBe(id);
    }
  });

  test('a list comes in pages, in the order of creation', async () => {
    for (const name of ['a', 'b', 'c']) await scene.running(name);
    const first = await scene.useCases.list({ limit: 2 }, OPERATOR);
    const page = first.body as { instances: { name: string }[]; next: string };
    expect(page.instances.map(({ name }) => name)).toEqual(['a', 'b']);
    const rest = await scene.useCases.list({ limit: '2', after: page.next }, OPERATOR);
    expect(rest.body).toMatchObject({ instances: [{ name: 'c' }], next: null });
    expect((await scene.useCases.list({ state: 'Stopped' }, OPERATOR)).body).toEqual({ instances: [], next: null });
  });

  test('a history comes in pages, as recorded, and outlives its instance', async () => {
    const id = await scene.running('web');
    const first = await scene.useCases.history({ id: 'web', limit: 2 }, OPERATOR);
    const page = first.body as { records: { version: number; event: { type: string }; time: string }[]; next: number };
    expect(page.records.map(({ version }) => version)).toEqual([1, 2]);
    expect(page.records[0]).toMatchObject({ event: { type: 'create' }, time: '2026-01-01T12:00:00.000Z' });
    const rest = await scene.useCases.history({ id, from: page.next }, OPERATOR);
    expect(rest.body).toMatchObject({ records: [{ version: 3 }, {}], next: null });
    await scene.during(scene.useCases.delete({ id, wait: '1m' }, OPERATOR));
    const after = await scene.useCases.history({ id }, OPERATOR);
    expect(after.body).toMatchObject({ records: [{ event: { type: 'create' } }, {}, {}, {}, {}, {}, {}] });
    const unknown = refusal(scene.useCases.history({ id: '0'.repeat(26) }, OPERATOR));
    expect(await unknown).toMatchObject({ code: 'not_found' });
  });

  test('a history whose beginning was removed says where it begins, from either end', async () => {
    const id = await scene.running('web');
    const whole = await scene.useCases.history({ id }, OPERATOR);
    expect(whole.body).toMatchObject({ records: [{ version: 1 }, {}, {}, {}], first_version: 1 });
    for await (const third of scene.log.read(id, 3, 1)) {
      await scene.log.trim(third);
      break;
    }
    const kept = { first_version: 3, next: null };
    const oldest = await scene.useCases.history({ id }, OPERATOR);
    expect(oldest.body).toMatchObject({ ...kept, records: [{ version: 3 }, { version: 4 }] });
    const newest = await scene.useCases.history({ id, order: 'newest' }, OPERATOR);
    expect(newest.body).toMatchObject({ ...kept, records: [{ version: 4 }, { version: 3 }] });
    const later = await scene.useCases.history({ id, from: 4 }, OPERATOR);
    expect(later.body).toMatchObject({ ...kept, records: [{ version: 4 }] });
  });

  test('a read can ask for a position, which is waited for, but not for ever', async () => {
    const { position } = await scene.useCases.create({ name: 'web', image: 'demo' }, OPERATOR);
    expect(await scene.useCases.get({ id: 'web', min_position: position }, OPERATOR)).toMatchObject({ status: 200 });
    const beyond = `${position}9`;
    const never = scene.useCases.get({ id: 'web', min_position: '~' }, OPERATOR);
    expect(await refusal(scene.during(never))).toMatchObject({ code: 'busy', field: 'min_position' });
    const soon = scene.useCases.list({ min_position: beyond }, OPERATOR);
    expect(await scene.during(soon)).toMatchObject({ status: 200 });
  });
});
