/** Goal: what is particular to HTTP: hypeman's paths, malformed requests, connections that end. Method: real sockets. */
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { createHttpGateway } from '../../src/gateway/http/http-gateway.ts';
import { until } from '../cli/daemon-process.ts';
import { type DoorWorld, doorWorld, GRANTS, TOKENS } from '../contracts/door.world.ts';
import { type HttpDoor, openHttpDoor } from './http-door.ts';

let world: DoorWorld;
let url: string;
beforeEach(async () => {
  world = await doorWorld(async (scene) => {
    const door: HttpDoor = await openHttpDoor(scene);
    url = door.url;
    return door;
  });
});
afterEach(() => world.close());

const authorization = `Bearer ${TOKENS.operator}`;

async function ask(method: string, path: string, body?: unknown, more: Record<string, string> = {}) {
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization, ...json, ...more },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : (JSON.parse(text) as unknown),
  };
}

describe('the paths of hypeman’s client', () => {
  test('the status of standby and a hold are answered with the same fields', async () => {
    await ask('PATCH', '/instances/web', { auto_standby: { enabled: true, idle_timeout: '10m' } });
    await world.scene.clock.advance(1_000);
    const status = await ask('GET', '/instances/web/auto-standby/status');
    expect(status).toMatchObject({ status: 200, body: { status: 'idle_countdown', idle_timeout: '10m0s' } });
    const held = await ask('POST', '/instances/web/auto-standby/hold');
    expect(held).toMatchObject({ status: 200, body: { status: 'idle_countdown', hold_until: expect.any(String) } });
    const unheld = await ask('POST', '/instances/db/auto-standby/hold', {});
    expect(unheld).toMatchObject({ status: 200, body: { status: 'disabled', reason: 'policy_missing' } });
    await world.during(ask('POST', '/instances/web/standby'));
    const late = await ask('POST', '/instances/web/auto-standby/hold');
    expect(late).toMatchObject({ status: 409, body: { code: 'instance_in_standby' } });
  });

  test('a snapshot is created, listed, looked at, brought back and deleted under an id of its own', async () => {
    const made = await world.during(ask('POST', '/instances/web/snapshots', { kind: 'Standby', name: 'before' }));
    const id = `${world.web}.before`;
    const shown = { id, name: 'before', kind: 'Standby', source_hypervisor: 'simulator', source_instance_name: 'web' };
    expect(made).toMatchObject({ status: 201, body: { ...shown, source_instance_id: world.web } });
    const unnamed = await world.during(ask('POST', '/instances/web/snapshots', { kind: 'Standby' }));
    expect(unnamed.body).toMatchObject({ name: 'snapshot-1' });
    expect((await ask('GET', '/snapshots?name=before')).body).toMatchObject([shown]);
    expect((await ask('GET', `/snapshots?source_instance_id=${world.db}`)).body).toEqual([]);
    expect((await ask('GET', `/snapshots/${id}`)).body).toMatchObject(shown);
    await world.during(ask('POST', '/instances/web/stop'));
    const others = id.replace(world.web, world.db);
    expect(await ask('POST', `/instances/web/snapshots/${others}/restore`)).toMatchObject({
      status: 404,
      body: { code: 'snapshot_not_found', field: 'snapshot' },
    });
    const back = await world.during(ask('POST', `/instances/web/snapshots/${id}/restore`, { target_state: 'Standby' }));
    expect(back).toMatchObject({ status: 200, body: { state: 'Standby' } });
    expect(await world.during(ask('DELETE', `/snapshots/${id}`))).toMatchObject({ status: 204, body: null });
    expect(await ask('GET', `/snapshots/${id}`)).toMatchObject({ status: 404, body: { code: 'snapshot_not_found' } });
  });

  test('a fork of an instance, or of a snapshot, waits for its outcome and answers 201', async () => {
    const forked = await world.during(ask('POST', '/instances/web/fork', { name: 'copy', from_running: true }));
    expect(forked).toMatchObject({ status: 201, body: { name: 'copy', state: 'Running' } });
    await world.during(ask('POST', '/instances/web/snapshots', { kind: 'Standby', name: 'before' }));
    const target = { name: 'asleep', target_state: 'Standby' };
    const other = await world.during(ask('POST', `/snapshots/${world.web}.before/fork`, target));
    expect(other).toMatchObject({ status: 201, body: { name: 'asleep', state: 'Standby' } });
  });

  test.each([
    ['POST', '/instances/web/snapshots', { kind: 'Stopped' }, 501, 'not_supported', 'kind'],
    ['POST', '/instances/web/snapshots', { kind: 'Live' }, 400, 'invalid_request', 'kind'],
    ['POST', '/instances/web/snapshots', { kind: 'Standby', wait: '1s' }, 400, 'invalid_request', 'wait'],
    ['POST', '/instances/db/snapshots/x/restore', { target_state: 'Stopped' }, 501, 'not_supported', 'target_state'],
    ['POST', '/instances/db/snapshots/x/restore', { target_state: 'Up' }, 400, 'invalid_request', 'target_state'],
    ['POST', '/instances/db/snapshots/x/restore', {}, 404, 'snapshot_not_found', 'name'],
    ['GET', '/snapshots?tags=x', undefined, 400, 'invalid_request', 'tags'],
    ['GET', '/snapshots/nothing', undefined, 404, 'snapshot_not_found', 'snapshot'],
    ['DELETE', '/snapshots/nothing', undefined, 404, 'snapshot_not_found', 'snapshot'],
    ['POST', '/instances/web/fork', { name: 'copy', wait: '1s' }, 400, 'invalid_request', 'wait'],
  ])('%s %s with %j is refused by name', async (method, path, body, status, code, field) => {
    expect(await ask(method, path, body)).toMatchObject({ status, body: { code, field } });
  });

  test('a create waits until the guest runs and answers 201', async () => {
    const answer = await world.during(ask('POST', '/instances', { name: 'new', image: 'demo' }));
    expect(answer).toMatchObject({ status: 201, body: { name: 'new', state: 'Running' } });
  });

  test('stop, start, standby and restore wait for their outcome and answer 200', async () => {
    for (const [verb, state] of [
      ['stop', 'Stopped'],
      ['start', 'Running'],
      ['standby', 'Standby'],
      ['restore', 'Running'],
    ]) {
      const answer = await world.during(ask('POST', `/instances/web/${verb}`));
      expect(answer, verb).toMatchObject({ status: 200, body: { state } });
    }
  });

  test('the list is plain, a delete answers 204 without a body', async () => {
    expect((await ask('GET', '/instances')).body).toMatchObject([{ name: 'web' }, { name: 'db' }]);
    expect((await ask('GET', '/instances?state=Stopped')).body).toMatchObject([{ name: 'db' }]);
    expect(await world.during(ask('DELETE', '/instances/web'))).toMatchObject({ status: 204, body: null });
    expect(await ask('GET', '/instances/web')).toMatchObject({ status: 404, body: { code: 'not_found' } });
  });

  test('an update and a wait answer as ours do', async () => {
    const updated = await ask('PATCH', '/instances/web', { restart_policy: { policy: 'always' } });
    expect(updated).toMatchObject({ status: 200, body: { restart_policy: { backoff: '5s' } } });
    const waited = await world.during(ask('GET', '/instances/web/wait?state=Stopped&timeout=1s'));
    expect(waited).toMatchObject({ status: 200, body: { state: 'Running', timed_out: true } });
  });

  test('a start whose boot fails is an error that says why', async () => {
    await world.scene.control.setFault(world.db, 'boot', 'fail');
    const answer = await world.during(ask('POST', '/instances/db/start'));
    expect(answer).toMatchObject({ status: 500, body: { code: 'not_reached', details: { state: 'Stopped' } } });
  });

  test('a page of the list cannot be asked for', async () => {
    const answer = await ask('GET', '/instances?limit=1');
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request', field: 'limit' } });
  });

  test('a wait of our own cannot be slipped in', async () => {
    const answer = await ask('POST', '/instances/web/stop?wait=1s', {});
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request', field: 'wait' } });
  });
});

describe('requests that are none', () => {
  test.each([
    ['GET', '/'],
    ['GET', '/v2/instances'],
    ['PUT', '/v1/instances/web'],
    ['POST', '/v1/instances/web/get'],
    ['POST', '/v1/instances/web/create'],
    ['POST', '/v1/instances/web/vmm.exited'],
    ['POST', '/instances/web/restart'],
    ['GET', '/v1/instances/web/stop'],
  ])('%s %s is an unknown verb', async (method, path) => {
    const records = await world.scene.countRecords();
    expect(await ask(method, path)).toMatchObject({ status: 404, body: { code: 'unknown_verb' } });
    expect(await world.scene.countRecords()).toBe(records);
  });

  test('a path that is not a URL, and one that is too long, are refused', async () => {
    expect(await ask('GET', '/v1/instances/%zz')).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    const long = await ask('GET', `/v1/instances/${'x'.repeat(300)}`);
    expect(long.status).toBeGreaterThanOrEqual(400);
    expect(long.status).toBeLessThan(500);
    expect(long.body).toMatchObject({ code: expect.any(String), message: expect.any(String) });
  });

  test('a body that is not JSON by its type is refused', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
      const answer = await ask('POST', '/v1/instances', { name: 'new', image: 'demo' }, { 'content-type': type });
      expect(answer, type).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
    }
  });

  test('a field that stands in the path or the query and in the body is refused', async () => {
    const path = await ask('POST', '/v1/instances/web/stop', { id: 'db' });
    expect(path).toMatchObject({ status: 400, body: { code: 'invalid_request', field: 'id' } });
    const query = await ask('POST', '/v1/instances/web/stop?force=false', { force: true });
    expect(query).toMatchObject({ status: 400, body: { code: 'invalid_request', field: 'force' } });
    expect(await ask('GET', '/v1/instances/web?id=db')).toMatchObject({ status: 400, body: { field: 'id' } });
  });

  test.each([
    ['this is not HTTP\r\n\r\n', '400', 'invalid_request'],
    [`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'x'.repeat(32_768)}\r\n\r\n`, '431', 'payload_too_large'],
  ])('bytes that are no request are answered and the connection ends', async (bytes, status, code) => {
    const answer = await exchange(bytes);
    expect(answer).toContain(`HTTP/1.1 ${status}`);
    expect(answer).toContain(`"code":"${code}"`);
  });
});

test('health needs no token and says nothing else', async () => {
  const response = await fetch(`${url}/healthz`);
  expect({ status: response.status, body: await response.json() }).toEqual({ status: 200, body: { status: 'ok' } });
});

test('a refusal for want of a token says how to give one', async () => {
  const response = await fetch(`${url}/v1/instances`);
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe('Bearer');
});

test('without a token a path that does not exist looks like any other', async () => {
  for (const path of ['/', '/v2/instances', '/v1/instances/web/explode', '/healthz/more']) {
    const response = await fetch(`${url}${path}`);
    expect(response.status, path).toBe(401);
  }
});

test('a failure of our own is told by its correlation id only', async () => {
  const told: Record<string, unknown>[] = [];
  const broken = async (): Promise<never> => {
    throw new Error('the secret is 42');
  };
  const gateway = await createHttpGateway({
    useCases: { ...world.scene.useCases, list: broken },
    tokens: GRANTS,
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock(),
    random: seededRandom(3, world.scene.clock),
    logger: { error: (about) => told.push({ ...about }) },
  });
  try {
    const response = await fetch(`${gateway.url}/v1/instances`, { headers: { authorization, 'x-request-id': 'r-1' } });
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(JSON.parse(text)).toMatchObject({ code: 'internal_error', details: { correlation: 'r-1' } });
    expect(text).not.toContain('secret');
    expect(told).toMatchObject([{ correlation: 'r-1', err: new Error('the secret is 42') }]);
  } finally {
    await gateway.close();
  }
});

test('a caller that leaves is no longer waited for', async () => {
  const leaving = new AbortController();
  const pending = fetch(`${url}/v1/instances/web/wait?state=Standby&timeout=5m`, {
    headers: { authorization },
    signal: leaving.signal,
  });
  const armed = await reaches(() => world.scene.countWaiting() === 1);
  leaving.abort();
  await expect(pending).rejects.toThrow();
  expect([armed, await reaches(() => world.scene.countWaiting() === 0)]).toEqual([true, true]);
});

test('closing ends at once and answers callers that wait', async () => {
  const pending = fetch(`${url}/v1/instances/web/wait?state=Standby&timeout=5m`, { headers: { authorization } });
  const ended = pending.then(({ status }) => status);
  expect(await reaches(() => world.scene.countWaiting() === 1)).toBe(true);
  await world.door.close();
  expect(await ended).toBe(200);
  expect(world.scene.countWaiting()).toBe(0);
});

const LIMIT_MS = 30_000;

const reaches = (condition: () => boolean): Promise<boolean> => until(condition, Boolean, LIMIT_MS);

function exchange(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}
