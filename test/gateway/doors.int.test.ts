/** Goal: both doors keep the same promises in the same words. Method: the door contract over real sockets and a real nats-server, and a comparison of both. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { doorContract } from '../contracts/door.contract.ts';
import { doorWorld } from '../contracts/door.world.ts';
import { badBodies, badRequests } from '../contracts/door-refusals.ts';
import { openHttpDoor } from './http-door.ts';
import { type NatsServer, openNatsDoor, startNatsServer } from './nats-door.ts';

let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

doorContract('HTTP', openHttpDoor);
doorContract('NATS', (scene) => openNatsDoor(scene, server.url));

test('both doors answer every bad request with the same status and the same body', async () => {
  const world = await doorWorld(openHttpDoor);
  const nats = await openNatsDoor(world.scene, server.url);
  try {
    for (const { verb, input } of badRequests(world)) {
      const [http, other] = [await world.door.send(verb, input), await nats.send(verb, input)];
      expect({ status: other.status, body: other.body }, `${verb} ${JSON.stringify(input)}`).toEqual({
        status: http.status,
        body: http.body,
      });
    }
    for (const { name, bytes } of badBodies()) {
      const [http, other] = [await world.door.sendBytes(bytes), await nats.sendBytes(bytes)];
      expect({ status: other.status, body: other.body }, name).toEqual({ status: http.status, body: http.body });
    }
  } finally {
    await nats.close();
    await world.close();
  }
});

test('a command given at one door and repeated at the other is one command', async () => {
  const world = await doorWorld(openHttpDoor);
  const nats = await openNatsDoor(world.scene, server.url);
  try {
    const input = { name: 'new', image: 'demo', vcpus: 1 };
    const first = await world.door.send('create', input, { commandId: 'both' });
    const again = await nats.send('create', input, { commandId: 'both' });
    expect({ ...again, correlation: null }).toEqual({ ...first, correlation: null });
    const start = await nats.send('start', { id: world.db }, { commandId: 'start-db' });
    const repeated = await world.door.send('start', { id: world.db }, { commandId: 'start-db' });
    expect(repeated.body).toEqual(start.body);
  } finally {
    await nats.close();
    await world.close();
  }
});
