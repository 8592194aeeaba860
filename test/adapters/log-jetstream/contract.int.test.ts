import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, beforeAll } from 'vitest';
import { seededRandom, systemClock } from '../../../src/actors/clock.ts';
import { openJetstreamLog } from '../../../src/adapters/log-jetstream/jetstream-log.ts';
import { logContract } from '../../contracts/log.contract.ts';
import { type JetstreamServer, startJetstreamServer } from './jetstream-server.ts';

/** Goal: the log on JetStream keeps the contract. Method: the suite of all logs, against a real nats-server. */

let server: JetstreamServer;
beforeAll(async () => {
  server = await startJetstreamServer();
});
afterAll(() => server.remove());

let serial = 0;

async function make() {
  const clock = systemClock();
  const random = seededRandom(serial, clock);
  const connections: NatsConnection[] = [];
  const name = `contract-${serial++}`;
  const open = async () => {
    const connection = await server.connect();
    connections.push(connection);
    return openJetstreamLog({ connection, name, host: 'here', clock, random });
  };
  const first = await open();
  let log = first;
  return {
    log: first,
    reopen: async () => {
      await log.close();
      log = await open();
      return log;
    },
    destroy: async () => {
      await log.close();
      await Promise.all(connections.map((connection) => connection.close()));
    },
  };
}

logContract('the JetStream log', make);
