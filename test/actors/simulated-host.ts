import type { Definition } from '../../machines/definition.ts';
import type { HealthCheck, RestartPolicy } from '../../machines/policies.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import type { Hypervisor } from '../../src/actors/contracts/hypervisor.ts';
import type { Log } from '../../src/actors/contracts/log.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { StatevisorError } from '../../src/actors/errors.ts';
import type { Supervisor, SupervisorOptions } from '../../src/actors/supervisor.ts';
import { createFaultyLog, type FaultyLog } from '../../src/adapters/log-memory/faulty-log.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld, type World } from '../../src/adapters/simulator/world.ts';
import { createInstances, type Instances } from '../../src/projections/instances.ts';
import { PLAIN } from '../machines/definitions.ts';

/** The real runtime over a memory log and a simulated world, in simulated time; its daemon can die and come back. */
export interface SimulatedHost {
  readonly clock: SimulatedClock;
  readonly log: FaultyLog;
  readonly control: SimulatorControl;
  readonly world: World;
  readonly instances: Instances;
  readonly problems: string[];
  supervisor: Supervisor;
  /** Every record of one instance, oldest first. */
  records(id: string): Promise<InstanceRecord[]>;
  /** The daemon is gone at once, with whatever it was about to do; `restart` brings the next one. */
  restart(overrides?: Partial<SupervisorOptions>): Promise<void>;
}

export const START = Date.parse('2026-01-01T12:00:00Z');
export const BOOT_MS = 1_000;
const HISTORY_MAX = 10_000;

/** What stands between the runtime and its log or hypervisor, for tests that spoil an answer. */
export interface Wraps {
  readonly log?: (log: FaultyLog) => Log;
  readonly hypervisor?: (hypervisor: Hypervisor) => Hypervisor;
}

export async function simulatedHost(
  overrides: Partial<SupervisorOptions> = {},
  wraps: Wraps = {},
): Promise<SimulatedHost> {
  const clock = new SimulatedClock(START);
  const random = seededRandom(7, clock);
  const world = createWorld({ clock, random });
  const log = createFaultyLog(createMemoryLog());
  const problems: string[] = [];
  const instances = createInstances();
  const start = (more: Partial<SupervisorOptions>): Promise<Supervisor> =>
    createSupervisor({
      log: wraps.log?.(log) ?? log,
      hypervisor: wraps.hypervisor?.(createSimulator({ world, clock })) ?? createSimulator({ world, clock }),
      clock,
      random,
      clockLookMs: Number.POSITIVE_INFINITY,
      onRecord: (published) => instances.apply(published),
      report: ({ message, error }) => problems.push(`${message} ${error instanceof Error ? error.message : ''}`.trim()),
      ...overrides,
      ...more,
    });
  const host: SimulatedHost = {
    clock,
    log,
    control: controlSimulator({ world, clock }),
    world,
    instances,
    problems,
    supervisor: await start({}),
    records: (id) => host.supervisor.history(id, 1, HISTORY_MAX),
    restart: async (more = {}) => {
      await host.supervisor.close();
      host.supervisor = await start(more);
      await clock.settle();
    },
  };
  return host;
}

export function definition(changes: Partial<Definition> = {}): Definition {
  return { ...PLAIN, memory_bytes: 128 * 1024 ** 2, ...changes };
}

export const ON_FAILURE: RestartPolicy = {
  policy: 'on_failure',
  backoff_ms: 5_000,
  max_attempts: 2,
  stable_after_ms: 60_000,
};

export const OPERATOR = { actor: 'operator', via: 'simulate' } as const;

/** An instance that runs, ready, a few simulated seconds later. */
export async function runningInstance(host: SimulatedHost, changes: Partial<Definition> = {}): Promise<string> {
  const { id } = await host.supervisor.create(definition(changes), 'running', OPERATOR);
  await host.clock.advance(2 * BOOT_MS);
  return id;
}

/** One that runs for each name, restarted when it fails; ids in the order of the names. */
export async function runningInstances(host: SimulatedHost, ...names: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) ids.push(await runningInstance(host, { name, restart_policy: ON_FAILURE }));
  return ids;
}

export const phasesOf = (host: SimulatedHost, ids: readonly string[]): (string | undefined)[] =>
  ids.map((id) => host.instances.get(id)?.phase);

/** A check of which the first failure counts. */
export const STRICT_CHECK: HealthCheck = {
  target: { type: 'tcp', port: 80 },
  interval_ms: 1_000,
  timeout_ms: 1_000,
  start_period_ms: 0,
  failure_threshold: 1,
  success_threshold: 1,
};

export async function bootsOf(host: SimulatedHost, id: string): Promise<number> {
  const lines = await host.control.journal();
  return lines.filter((line) => line.type === 'vmm.spawned' && line.instance === id).length;
}

/** The code a promise was refused with. */
export async function refusalCode(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  return error instanceof StatevisorError ? error.code : `no refusal: ${String(error)}`;
}
