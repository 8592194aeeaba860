import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '../../src/actors/clock.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { buildHttpServer } from '../../src/gateway/http/http-gateway.ts';
import { createUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { PROJECTIONS } from '../../src/projections/all-projections.ts';
import { createProjections } from '../../src/projections/engine/projections.ts';
import { registerInstanceMetrics } from '../../src/projections/metrics/instance-metrics.ts';
import { createMetricRegistry } from '../../src/projections/metrics/metric-registry.ts';
import { runtimeTelemetry } from '../../src/projections/metrics/runtime-metrics.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';
import { definitionNamed, META } from '../workload.ts';

const INSTANCES = 10_000;
const ROUNDS = 15;
const QUICK_ROUNDS = 5;
/** Instances that change between two lists. */
const CHANGED = 500;
const COMMAND_EVERY_MS = 2;
const LOOKS = 200;
const QUICK_LOOKS = 60;
const LOOK_EVERY_MS = 5;
const HOLD_MS = 60_000;
const TOKEN = 'bench';

const LIST_AIM = 1;
const SCRAPE_AIM = 0.5;
const UNDER_LOAD_AIM = 2;
/** One core shared by both sides: what else the machine does shows here first. */
const UNDER_LOAD_GROSS = 4;

interface Fleet {
  readonly ids: readonly string[];
  readonly views: () => unknown[];
  /** Answers of the HTTP door, without a socket. */
  readonly ask: (path: string) => Promise<string>;
  readonly command: (id: string) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

async function openFleet(place: string): Promise<Fleet> {
  const log = await openSqliteLog({ directory: place, clock });
  const report = ({ message }: { message: string }): never => {
    throw new Error(message);
  };
  const projections = await createProjections(PROJECTIONS, { log, clock, report });
  await projections.rebuild(['timeline', 'durations']);
  const { views, take: onRecord } = projections;
  const metrics = createMetricRegistry((message) => report({ message }));
  registerInstanceMetrics(metrics, views.instances, views.totals);
  const random = systemRandom();
  const world = createWorld({ clock, random });
  const control = controlSimulator({ world, clock });
  const hypervisor = createSimulator({ world, clock });
  const telemetry = runtimeTelemetry(metrics);
  const supervisor = await createSupervisor({ log, hypervisor, clock, random, onRecord, telemetry });
  await control.setBootDuration('*', 0);
  await Promise.all(
    Array.from({ length: INSTANCES }, (_, n) => supervisor.create(definitionNamed(`vm-${n}`), 'running', META)),
  );
  while (views.instances.tally().states.get('Running') !== INSTANCES) await clock.sleep(LOOK_EVERY_MS);
  const { checkImage, readLog } = hypervisor;
  const useCases = createUseCases({ supervisor, ...views, log, readLog, clock, host: 'bench', checkImage });
  const tokens = [{ token: TOKEN, actor: 'bench', scopes: ['read' as const] }];
  const listen = { host: '127.0.0.1', port: 0 };
  const server = buildHttpServer({ useCases, metrics, tokens, listen, clock, random });
  await server.ready();
  return {
    ids: views.instances.list().map(({ id }) => id),
    views: () => views.instances.list().map((view) => ({ ...view, ...views.durations.fieldsOf(view.id, clock.now()) })),
    ask: async (path) => {
      const { statusCode, body } = await server.inject({ url: path, headers: { authorization: `Bearer ${TOKEN}` } });
      if (statusCode !== 200) throw new Error(body);
      return body;
    },
    command: (id) => supervisor.command(id, { type: 'hold', by: 'bench', until: clock.now() + HOLD_MS }, META),
    close: async () => {
      await server.close();
      await supervisor.close();
      await control.shutdownWorld();
      await projections.close();
      await log.close();
    },
  };
}

/** Milliseconds of a page of the list, again and again, while commands come at that pace or none do. */
async function pageMs({ ids, ask, command }: Fleet, looks: number, busy: boolean): Promise<number> {
  const commands: Promise<unknown>[] = [];
  const pace = new AbortController();
  const sending = (async (): Promise<void> => {
    const begun = clock.monotonic();
    while (busy && (await clock.sleep(COMMAND_EVERY_MS, pace.signal))) {
      const due = Math.floor((clock.monotonic() - begun) / COMMAND_EVERY_MS);
      while (commands.length < due) commands.push(command(ids[commands.length % ids.length]!));
    }
  })();
  const times: number[] = [];
  for (let n = 0; n < looks; n++) {
    await clock.sleep(COMMAND_EVERY_MS);
    times.push(await elapsedMs(async () => void (await ask(`/v1/instances?limit=100&after=${ids[n]}`))));
  }
  pace.abort();
  await sending;
  await Promise.all(commands);
  return median(times);
}

/** What readers of many instances wait for. */
export async function lists({ quick, directory }: BenchOptions): Promise<Row[]> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const fleet = await openFleet(place);
  const rounds: { list: number; written: number; scrape: number; idle: number; busy: number }[] = [];
  for (let n = 0; n < (quick ? QUICK_ROUNDS : ROUNDS); n++) {
    await Promise.all(fleet.ids.slice(n * CHANGED, (n + 1) * CHANGED).map(fleet.command));
    const list = await elapsedMs(async () => void (await fleet.ask('/instances')));
    const written = await elapsedMs(() => void Buffer.from(JSON.stringify(fleet.views())));
    const scrape = await elapsedMs(async () => void (await fleet.ask('/metrics')));
    const looks = quick ? QUICK_LOOKS : LOOKS;
    rounds.push({
      list,
      written,
      scrape,
      idle: await pageMs(fleet, looks, false),
      busy: await pageMs(fleet, looks, true),
    });
  }
  await fleet.close();
  rmSync(place, { recursive: true });
  const of = (key: keyof (typeof rounds)[number]): string => shown(median(rounds.map((round) => round[key])));
  const ratio = (ratioOf: (round: (typeof rounds)[number]) => number): number => median(rounds.map(ratioOf));
  const written = `JSON.stringify of the same views ${of('written')} ms`;
  return [
    {
      name: `list of ${shown(INSTANCES)} instances on the compatible path, ${CHANGED} changed since the last`,
      measured: `${of('list')} ms`,
      baseline: written,
      ratio: ratio((round) => round.list / round.written),
      aim: { bound: 'at_most', value: LIST_AIM },
    },
    {
      name: `metrics of ${shown(INSTANCES)} instances`,
      measured: `${of('scrape')} ms`,
      baseline: written,
      ratio: ratio((round) => round.scrape / round.written),
      aim: { bound: 'at_most', value: SCRAPE_AIM },
    },
    {
      name: `a page of 100 of ${shown(INSTANCES)} under 500 commands/s`,
      measured: `${of('busy')} ms (median)`,
      baseline: `the same while nothing happens ${of('idle')} ms`,
      ratio: ratio((round) => round.busy / round.idle),
      aim: { bound: 'at_most', value: UNDER_LOAD_AIM },
      grossFactor: UNDER_LOAD_GROSS,
    },
  ];
}
