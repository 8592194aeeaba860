import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { stepByXState } from '../../machines/step.ts';
import { systemRandom } from '../../src/actors/clock.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { startPrivateNats } from '../../src/cli/daemon/private-nats.ts';
import { createNatsGateway } from '../../src/gateway/nats/nats-gateway.ts';
import { subjectOf } from '../../src/gateway/nats/subjects.ts';
import { createUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { createInstances } from '../../src/projections/instances.ts';
import { bareSqliteMs, INITIAL } from '../baselines.ts';
import { instantHypervisor } from '../instant-hypervisor.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';
import { definitionNamed, META } from '../workload.ts';

const AIM = 1.5;
const ROUNDS = 7;
const COMMANDS = 300;
const QUICK_COMMANDS = 60;
const ECHO = 'statevisor.bench.echo';
const TOKEN = 'bench';
const HOST = 'bench';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Median ms of a request with this payload, one at a time. */
async function requestMs(client: NatsConnection, subject: string, payload: Uint8Array, count: number): Promise<number> {
  const head = headers();
  head.set('Authorization', `Bearer ${TOKEN}`);
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    let answer = '';
    times.push(
      await elapsedMs(async () => {
        answer = decoder.decode((await client.request(subject, payload, { headers: head, timeout: 10_000 })).data);
      }),
    );
    if (answer.includes('"code":')) throw new Error(answer);
  }
  return median(times);
}

interface Door {
  readonly client: NatsConnection;
  readonly payload: Uint8Array;
  /** Text of one record of such a command. */
  readonly text: string;
  readonly close: () => Promise<void>;
}

async function openDoor(place: string): Promise<Door> {
  const random = systemRandom();
  const server = await startPrivateNats({ directory: join(place, 'nats'), clock, random, tell: () => {} });
  if (server === null) throw new Error('There is no nats-server on this machine.');
  const { user, password: pass } = server;
  const dial = (): Promise<NatsConnection> =>
    connect({ servers: server.server() ?? '', user, pass, noAsyncTraces: true });
  const [client, connection, echoing] = await Promise.all([dial(), dial(), dial()]);
  echoing.subscribe(ECHO, { callback: (_, message) => void message.respond(message.data) });
  await echoing.flush();
  const log = await openSqliteLog({ directory: join(place, 'log'), clock });
  const instances = createInstances();
  const hypervisor = instantHypervisor();
  const onRecord = instances.apply;
  const supervisor = await createSupervisor({ log, hypervisor, clock, random, onRecord });
  const { checkImage, readLog } = hypervisor;
  const useCases = createUseCases({ supervisor, instances, log, readLog, clock, host: HOST, checkImage });
  const tokens = [{ token: TOKEN, actor: 'bench', scopes: ['admin' as const] }];
  const service = { version: '0.0.0', metadata: { host: HOST } };
  const gateway = await createNatsGateway({ useCases, tokens, connection, host: HOST, service, clock, random });
  const { id } = await supervisor.create(definitionNamed('vm'), 'stopped', META);
  await supervisor.quiet();
  const { record } = await supervisor.command(id, { type: 'stop', by: 'bench' }, META);
  const close = async (): Promise<void> => {
    await gateway.close();
    await supervisor.close();
    await log.close();
    await Promise.all([client.close(), connection.close(), echoing.close()]);
    await server.stop();
  };
  return { client, payload: encoder.encode(JSON.stringify({ id })), text: JSON.stringify(record), close };
}

/** One command over NATS, accepted and durable, against the parts it cannot do without. */
export async function natsCommand({ quick, directory }: BenchOptions): Promise<Row[]> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const { client, payload, text, close } = await openDoor(place);
  const count = quick ? QUICK_COMMANDS : COMMANDS;
  const create = { type: 'create', at: 1, by: 'a', definition: definitionNamed('x'), wanted: 'stopped' } as const;
  const rounds: { command: number; echo: number; commit: number; step: number }[] = [];
  try {
    for (let n = 0; n <= ROUNDS; n++) {
      const command = await requestMs(client, subjectOf('stop'), payload, count);
      const echo = await requestMs(client, ECHO, payload, count);
      const commit = (await bareSqliteMs(directory, Array<string>(count).fill(text), 1)) / count;
      const steps = await elapsedMs(() => {
        for (let done = 0; done < count; done++) stepByXState(INITIAL, create);
      });
      const step = steps / count;
      if (n > 0) rounds.push({ command, echo, commit, step });
    }
  } finally {
    await close();
    rmSync(place, { recursive: true, force: true });
  }
  const of = (key: keyof (typeof rounds)[number]): string => shown(median(rounds.map((round) => round[key])));
  return [
    {
      name: 'command over NATS, one at a time',
      measured: `${of('command')} ms round trip (median)`,
      baseline: `echo ${of('echo')} ms + synced commit ${of('commit')} ms + transition ${of('step')} ms`,
      ratio: median(rounds.map(({ command, echo, commit, step }) => command / (echo + commit + step))),
      aim: { bound: 'at_most', value: AIM },
    },
  ];
}
