import type { Definition } from '../../machines/definition.ts';
import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import type { Log, LogEntry } from '../../src/actors/contracts/log.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import type { Acceptance, InstanceCommand, Supervisor } from '../../src/actors/supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { memoryJournal } from '../../src/adapters/simulator/journal.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { createInstances, type Instances } from '../../src/projections/instances.ts';
import type { Acknowledgement, Evidence } from './evidence.ts';

/** The real runtime over a memory log and a simulated world, in one process and in simulated time. */
export interface SmallWorld {
  readonly clock: SimulatedClock;
  readonly supervisor: Supervisor;
  readonly log: Log;
  readonly world: SimulatorControl;
  readonly instances: Instances;
  /** What the runtime reported. */
  readonly reports: string[];
  create(definition: Partial<Definition>): Promise<string>;
  command(id: string, command: InstanceCommand): Promise<void>;
  evidence(): Promise<Evidence>;
}

export const SMALL_WORLD_START_MS = Date.UTC(2026, 0, 1, 12);

const DEFINITION: Definition = {
  name: 'web',
  image: 'demo',
  vcpus: 1,
  memory_bytes: 256 * 1024 ** 2,
  network: { enabled: true, ports: [] },
  boot_timeout_ms: 60_000,
  stop_timeout_ms: 5_000,
  restart_policy: { policy: 'always', backoff_ms: 5_000, max_attempts: 2, stable_after_ms: 60_000 },
  health_check: null,
  auto_standby: null,
  expiry: null,
};

async function entriesOf(log: Log): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const entry of log.readAll(null)) entries.push(entry);
  return entries;
}

export async function startSmallWorld(): Promise<SmallWorld> {
  const clock = new SimulatedClock(SMALL_WORLD_START_MS);
  const random = seededRandom(1, clock);
  const journal = memoryJournal();
  const world = createWorld({ clock, random, journal });
  const log = createMemoryLog();
  const instances = createInstances();
  const reports: string[] = [];
  const supervisor = await createSupervisor({
    log,
    hypervisor: createSimulator({ world, clock }),
    clock,
    random,
    onRecord: (published) => instances.apply(published),
    report: ({ message }) => reports.push(message),
  });
  const acknowledged: Acknowledgement[] = [];
  const meta = () => ({ actor: 'test', via: 'http' as const, commandId: random.id(), digest: 'digest' });
  const acknowledge = async (command: string, verb: string, accepting: Promise<Acceptance>): Promise<string> => {
    const sentAt = clock.now();
    const { id, record, position } = await accepting;
    const answer = { command, verb, instance: id, version: record.version, position, sentAt };
    acknowledged.push({ ...answer, answeredAt: clock.now(), tries: 1 });
    await clock.settle();
    return id;
  };
  return {
    clock,
    supervisor,
    log,
    world: controlSimulator({ world, clock }),
    instances,
    reports,
    create: (parts) => {
      const about = meta();
      return acknowledge(about.commandId, 'create', supervisor.create({ ...DEFINITION, ...parts }, 'running', about));
    },
    command: async (id, command) => {
      const about = meta();
      await acknowledge(about.commandId, command.type, supervisor.command(id, command, about));
    },
    evidence: async () => ({
      journal: journal.lines,
      entries: await entriesOf(log),
      acknowledged,
      refused: [],
      views: new Map(instances.list().map((view) => [view.id, JSON.parse(JSON.stringify(view))])),
    }),
  };
}
