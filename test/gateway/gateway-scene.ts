import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import type { Log } from '../../src/actors/contracts/log.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import type { Supervisor, SupervisorOptions } from '../../src/actors/supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { createSimulatedActivity } from '../../src/adapters/simulator/simulated-activity.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import type { Caller, Reply, UseCaseOptions, UseCases } from '../../src/gateway/use-cases/contract.ts';
import { createLeftovers, type Leftovers } from '../../src/gateway/use-cases/fork-leftovers.ts';
import { createLogReader } from '../../src/gateway/use-cases/logs.ts';
import { createStreamUseCases, type StreamUseCases } from '../../src/gateway/use-cases/streams.ts';
import { createUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { createRecordFeed, type RecordFeed } from '../../src/projections/feed/record-feed.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { createInstances, type Instances } from '../../src/projections/instances.ts';

export const SCENE_START_MS = Date.UTC(2026, 0, 1, 12);
export const HOST = 'host-1';
export const OPERATOR: Caller = { actor: 'ada', via: 'http', scopes: ['read', 'operate'] };

/** The runtime over memory log and simulator, in simulated time, with the use cases in front. */
export interface Scene {
  readonly clock: SimulatedClock;
  readonly log: Log;
  readonly control: SimulatorControl;
  readonly supervisor: Supervisor;
  readonly instances: Instances;
  readonly useCases: UseCases;
  readonly leftovers: Leftovers;
  readonly feed: RecordFeed;
  readonly streams: StreamUseCases;
  countRecords(): Promise<number>;
  /** Lets simulated time pass while the promise is pending. */
  during<T>(pending: Promise<T>): Promise<T>;
  /** A running instance of that name; answers its id. */
  running(name: string, more?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Callers that use cases watch instances for. */
  countWaiting(): number;
  /** Keeps every decision from being appended until the answer is called. */
  stall(): () => void;
  close(): Promise<void>;
}

const STEP_MS = 250;
const STEPS_MAX = 4_000;

export async function gatewayScene(
  overrides: Partial<UseCaseOptions> = {},
  host: Pick<Partial<SupervisorOptions>, 'prober' | 'capacity' | 'activity' | 'standbyAtOnce'> = {},
): Promise<Scene> {
  const clock = new SimulatedClock(SCENE_START_MS);
  const random = seededRandom(7, clock);
  const world = createWorld({ clock, random });
  const hypervisor = createSimulator({ world, clock });
  const control = controlSimulator({ world, clock });
  const log = createMemoryLog();
  const instances = createInstances();
  let gate = Promise.resolve();
  const supervisor = await createSupervisor({
    log,
    hypervisor,
    clock,
    random,
    clockLookMs: Number.POSITIVE_INFINITY,
    activity: createSimulatedActivity({ world, clock }),
    ...host,
    faults: (point) => (point === 'decided' ? gate : Promise.resolve()),
    onRecord: (published) => instances.apply(published),
  });
  const { checkImage, readLog } = hypervisor;
  const watched = counting(instances);
  const answering = {
    supervisor,
    instances: watched,
    log,
    readLog,
    clock,
    host: HOST,
    checkImage,
    snapshotStore: hypervisor,
  };
  const leftovers = createLeftovers({ ...answering, ...overrides });
  const useCases = createUseCases({ ...answering, leftovers, ...overrides });
  const feed = createRecordFeed(log, clock);
  const streams = createStreamUseCases({ supervisor, feed, clock, logs: createLogReader(answering) });
  const during = <T>(pending: Promise<T>): Promise<T> => passing(clock, pending);
  return {
    clock,
    log,
    control,
    supervisor,
    instances,
    useCases,
    leftovers,
    feed,
    streams,
    during,
    countRecords: () => count(log),
    running: async (name, more = {}) => {
      const reply = await during(useCases.create({ name, image: 'demo', wait: '1m', ...more }, OPERATOR));
      if (reply.outcome !== 'reached') throw new Error(`${name} is not running: ${JSON.stringify(reply)}`);
      return viewIn(reply).id;
    },
    countWaiting: () => watched.count(),
    stall: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return resolve;
    },
    close: async () => {
      feed.close();
      await supervisor.close();
      await hypervisor.close();
      await control.close();
      world.end();
    },
  };
}

/** The same read model; it counts who watches it. */
function counting(instances: Instances): Instances & { count(): number } {
  let watching = 0;
  return {
    ...instances,
    count: () => watching,
    watch: (listener) => {
      watching += 1;
      const stop = instances.watch(listener);
      return () => {
        watching -= 1;
        stop();
      };
    },
  };
}

export function viewIn(reply: Reply): InstanceView {
  return reply.body as InstanceView;
}

async function passing<T>(clock: SimulatedClock, pending: Promise<T>): Promise<T> {
  let settled = false;
  const mark = (): void => {
    settled = true;
  };
  pending.then(mark, mark);
  for (let step = 0; step < STEPS_MAX; step++) {
    await clock.settle();
    if (settled) return pending;
    await clock.advance(STEP_MS);
  }
  throw new Error(`not within ${(STEP_MS * STEPS_MAX) / 1000} simulated seconds`);
}

async function count(log: Log): Promise<number> {
  let records = 0;
  for await (const _ of log.readAll(null)) records += 1;
  return records;
}
