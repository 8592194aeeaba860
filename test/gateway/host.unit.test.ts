/** Goal: a reader of /v1/host sees every part of the daemon, whatever state one of them is in. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StatevisorError } from '../../src/actors/errors.ts';
import { createHostSections, type HostSections } from '../../src/gateway/host-sections.ts';
import type { Caller, HostUseCases } from '../../src/gateway/use-cases/contract.ts';
import { createHostUseCases, hostVerbNamed } from '../../src/gateway/use-cases/use-cases.ts';
import { gatewayScene, HOST, OPERATOR, type Scene } from './gateway-scene.ts';

let scene: Scene;
let sections: HostSections;
let host: HostUseCases;

beforeEach(async () => {
  scene = await gatewayScene();
  sections = createHostSections();
  host = createHostUseCases({ ...scene, sections, host: HOST, version: '1.2.3' });
});
afterEach(() => scene.close());

describe('the status of the host', () => {
  test('shows every section under its name beside host, version and the number of instances', async () => {
    await scene.running('web');
    sections.add('log', () => ({ survives: 'os' }));
    const { status, body, host: answering } = await host.status({}, OPERATOR);
    expect({ status, answering }).toEqual({ status: 200, answering: HOST });
    expect(body).toMatchObject({
      host: HOST,
      version: '1.2.3',
      mode: 'normal',
      instances: 1,
      capacity: { memory_bytes: { used: 1024 ** 3, limit: null }, held: [] },
      log: { survives: 'os' },
    });
  });

  test('a section that fails says so and takes no other one with it', async () => {
    sections.add('nats', () => {
      throw new Error('no connection yet');
    });
    sections.add('log', () => 'in order');
    const { body } = await host.status({}, OPERATOR);
    expect(body).toMatchObject({ nats: { error: 'no connection yet' }, log: 'in order' });
  });

  test('two parts cannot take the same name', () => {
    sections.add('log', () => null);
    expect(() => sections.add('log', () => null)).toThrow('The host section log exists already.');
  });

  test('a field it does not know is refused by name', async () => {
    await expect(host.status({ deep: true }, OPERATOR)).rejects.toMatchObject({
      code: 'invalid_request',
      field: 'deep',
    });
  });

  test('who may not read does not see it', async () => {
    await expect(host.status({}, { ...OPERATOR, scopes: [] })).rejects.toMatchObject({ code: 'forbidden' });
  });
});

describe('the mode of the host', () => {
  const admin: Caller = { actor: 'root', via: 'http', scopes: ['read', 'operate', 'admin'] };

  test('is recorded under the name of who set it, and shown from then on', async () => {
    const { status, body, position } = await host.mode({ mode: 'maintenance' }, admin);
    expect({ status, body }).toEqual({ status: 200, body: { mode: 'maintenance', version: 1, untold: 0 } });
    expect((await host.status({}, admin)).body).toMatchObject({ mode: 'maintenance' });
    const last = await scene.log.head('host');
    expect(last?.position).toBe(position);
    expect(JSON.parse(last?.bytes ?? '')).toMatchObject({
      event: { type: 'host.mode_changed', mode: 'maintenance', by: 'root' },
      cause: { actor: 'root', via: 'http' },
    });
  });

  test.each([
    ['a mode that does not exist', { mode: 'party' }, 'mode'],
    ['no mode', {}, 'mode'],
    ['another field', { mode: 'normal', until: 'noon' }, 'until'],
  ])('%s is refused by the name of the field, and nothing changes', async (_what, input, field) => {
    await expect(host.mode(input, admin)).rejects.toMatchObject({ code: 'invalid_request', field });
    expect(scene.supervisor.mode()).toBe('normal');
    expect(await scene.log.head('host')).toBeNull();
  });

  test('a repetition under the same id is answered alike, and does not bring the earlier mode back', async () => {
    const once: Caller = { ...admin, commandId: 'down-for-work' };
    const first = await host.mode({ mode: 'maintenance' }, once);
    await host.mode({ mode: 'normal' }, admin);
    const again = await host.mode({ mode: 'maintenance' }, once);
    expect(again).toEqual(first);
    expect(scene.supervisor.mode()).toBe('normal');
    expect(await scene.countRecords()).toBe(2);
    await expect(host.mode({ mode: 'draining' }, once)).rejects.toMatchObject({ code: 'idempotency_mismatch' });
    const other = scene.useCases.create({ name: 'web', image: 'demo' }, once);
    await expect(other).rejects.toMatchObject({ code: 'idempotency_mismatch' });
  });

  test('is set by admins only', async () => {
    await expect(host.mode({ mode: 'draining' }, OPERATOR)).rejects.toMatchObject({ code: 'forbidden' });
    expect(scene.supervisor.mode()).toBe('normal');
  });

  test('draining takes nothing new on, and what is there can still be stopped', async () => {
    const id = await scene.running('web');
    await host.mode({ mode: 'draining' }, admin);
    await expect(scene.useCases.create({ name: 'late', image: 'demo' }, OPERATOR)).rejects.toMatchObject({
      code: 'host_draining',
    });
    expect((await scene.during(scene.useCases.stop({ id, wait: '1m' }, OPERATOR))).outcome).toBe('reached');
    await expect(scene.useCases.start({ id }, OPERATOR)).rejects.toMatchObject({ code: 'host_draining' });
  });
});

test('a verb on the host that does not exist is refused with those that do', () => {
  expect(() => hostVerbNamed('explode')).toThrow(StatevisorError);
  expect(hostVerbNamed('status')).toBe('status');
});
