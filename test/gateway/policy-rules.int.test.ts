/**
 * Goal: every rule about what a policy may say holds at the doors, at a create and at an update alike. Method: one row a
 * rule, asked over real HTTP and over a real nats-server.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DoorWorld, doorWorld, type OpenDoor, viewIn } from '../contracts/door.world.ts';
import { openHttpDoor } from './http-door.ts';
import { type NatsServer, openNatsDoor, startNatsServer } from './nats-door.ts';
import { ACCEPTED_ROWS, REFUSED_ROWS } from './policy-rows.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

const POLICIES = {
  restart_policy: { policy: 'on_failure', max_attempts: 7 },
  health_check: { tcp: { port: 7 } },
  auto_standby: { enabled: true, idle_timeout: '7m' },
};

const DOORS: [string, OpenDoor][] = [
  ['HTTP', openHttpDoor],
  ['NATS', (scene) => openNatsDoor(scene, server.url)],
];

describe.each(DOORS)('over %s', (_, open) => {
  let world: DoorWorld;
  let named = 0;
  beforeAll(async () => {
    world = await doorWorld(open);
  });
  afterAll(() => world.close());

  const create = (fields: object) => {
    named += 1;
    return world.door.send('create', { name: `row-${named}`, image: 'demo', start: false, ...fields });
  };

  test.each(ACCEPTED_ROWS)('$rule', async ({ given, shown }) => {
    const created = await create(given);
    expect(created, JSON.stringify(created.body)).toMatchObject({ status: 201 });
    const other = await create(POLICIES);
    const updated = await world.door.send('update', { id: viewIn(other).id, ...given });
    expect(updated, JSON.stringify(updated.body)).toMatchObject({ status: 202 });
    for (const [field, value] of Object.entries(shown)) {
      for (const view of [created.body, updated.body] as Record<string, unknown>[]) expect(view[field]).toEqual(value);
    }
  });

  test.each(REFUSED_ROWS)('$rule', async ({ given, code, field, told }) => {
    const other = await create(POLICIES);
    const records = await world.scene.countRecords();
    const answers = [
      await world.door.send('create', { name: 'refused', image: 'demo', ...given }),
      await world.door.send('update', { id: viewIn(other).id, auto_standby: { enabled: false }, ...given }),
    ];
    for (const { status, body } of answers) {
      expect({ status, ...(body as object) }).toMatchObject({ status: 400, code, field });
      expect((body as { message: string }).message).toMatch(new RegExp(`^${field.replaceAll('.', '\\.')} .*\\.$`));
      expect((body as { message: string }).message).toContain(told);
    }
    expect(await world.scene.countRecords()).toBe(records);
  });

  test('what is shown of a policy can be sent back as it is', async () => {
    const first = viewIn(await create(POLICIES));
    const { restart_policy, health_check, auto_standby } = first;
    const delayed = viewIn(await create({ restart_policy: { policy: 'always', delays: ['1s', '2s'], jitter: 0.5 } }));
    const { body } = await create({ restart_policy: delayed.restart_policy });
    expect(body).toMatchObject({ restart_policy: delayed.restart_policy });
    const again = await create({ restart_policy, health_check, auto_standby });
    expect(viewIn(again)).toMatchObject({ restart_policy, health_check, auto_standby });
  });

  test('an update leaves what it does not name, and one that names nothing known is told what there is', async () => {
    const { id } = viewIn(await create(POLICIES));
    const updated = await world.door.send('update', { id, restart_policy: { policy: 'never' } });
    const view = viewIn(updated);
    expect([view.restart_policy, view.health_check?.type, view.auto_standby?.enabled]).toEqual([
      undefined,
      'tcp',
      true,
    ]);
    for (const more of [{}, { vcpus: 2 }]) {
      const { body } = await world.door.send('update', { id, ...more });
      expect(body).toMatchObject({ code: 'invalid_request' });
      expect((body as { message: string }).message).toMatch(
        /restart_policy, health_check, auto_standby, schedules, ttl/,
      );
    }
  });

  test('a policy at fault keeps the others of the same update from being stored', async () => {
    const { id } = viewIn(await create(POLICIES));
    const mixed = { restart_policy: { policy: 'always' }, health_check: { tcp: { port: 0 } } };
    expect(await world.door.send('update', { id, ...mixed })).toMatchObject({ status: 400 });
    expect(viewIn(await world.door.send('get', { id })).restart_policy).toMatchObject({ policy: 'on_failure' });
  });

  test('a check through the network needs network.enabled, one in the guest needs an agent', async () => {
    const guest = { network: { enabled: false }, skip_guest_agent: true };
    const { id } = viewIn(await create(guest));
    for (const [health_check, needed] of [
      [{ http: { port: 80 } }, 'network.enabled'],
      [{ tcp: { port: 80 } }, 'network.enabled'],
      [{ exec: { command: ['true'] } }, 'skip_guest_agent'],
    ] as const) {
      const asked = [await create({ ...guest, health_check }), await world.door.send('update', { id, health_check })];
      for (const { status, body } of asked) {
        expect({ status, ...(body as object) }).toMatchObject({
          status: 400,
          code: 'invalid_request',
          field: 'health_check',
        });
        expect((body as { message: string }).message).toContain(needed);
      }
    }
    const unhindered = await create({ network: { enabled: false }, health_check: { exec: { command: ['true'] } } });
    expect(unhindered.status).toBe(201);
  });
});
