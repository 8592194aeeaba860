import type { Definition } from '../machines/definition.ts';
import { systemRandom } from '../src/actors/clock.ts';
import type { Log } from '../src/actors/contracts/log.ts';
import { createSupervisor } from '../src/actors/create-supervisor.ts';
import type { CommandMeta, Published, Supervisor, SupervisorOptions } from '../src/actors/supervisor.ts';
import { instantHypervisor } from './instant-hypervisor.ts';
import { clock } from './measure.ts';

/** What every benchmark runs: instances that are started and stopped for ever, through the real runtime. */

export const META: CommandMeta = { actor: 'bench', via: 'cli' };

export function definitionNamed(name: string): Definition {
  return {
    name,
    image: 'demo',
    vcpus: 1,
    memory_bytes: 268_435_456,
    network: { enabled: true, ports: [] },
    boot_timeout_ms: 60_000,
    stop_timeout_ms: 5_000,
    restart_policy: { policy: 'on_failure', backoff_ms: 5_000, max_attempts: 3, stable_after_ms: 600_000 },
    health_check: null,
    auto_standby: null,
    expiry: null,
  };
}

export interface Fleet {
  readonly supervisor: Supervisor;
  /** Starts what is stopped and stops what runs, for ever, until this many records more have been published. */
  readonly transitions: (count: number) => Promise<void>;
  /** Lets every instance come to rest, stopped. */
  readonly rest: () => Promise<void>;
}

type Lifecycle = string | Readonly<Record<string, string>>;

function lifecycleOf({ record }: Published): Lifecycle {
  return (record.state.value as { lifecycle: Lifecycle }).lifecycle;
}

/** `count` instances over a log, created and stopped. */
export async function createFleet(
  log: Log,
  count: number,
  more: Pick<SupervisorOptions, 'restingMax' | 'onRecord' | 'telemetry'> = {},
): Promise<Fleet> {
  let published = 0;
  let target = 0;
  let reached = (): void => {};
  const ids: string[] = [];
  const resting = new Set<string>();
  const drive = (command: 'start' | 'stop', id: string): void => {
    supervisor.command(id, { type: command, by: 'bench' }, META).catch((error) => {
      throw error;
    });
  };
  const onRecord = (event: Published): void => {
    more.onRecord?.(event);
    published += 1;
    if (published === target) reached();
    const lifecycle = lifecycleOf(event);
    const id = event.record.stream;
    if (lifecycle === 'stopped') {
      if (published < target) drive('start', id);
      else resting.add(id);
    } else if (isRunning(lifecycle)) drive('stop', id);
  };
  const random = systemRandom();
  const supervisor = await createSupervisor({ log, hypervisor: instantHypervisor(), clock, random, ...more, onRecord });
  const created = Array.from({ length: count }, async (_, n) => {
    const { id } = await supervisor.create(definitionNamed(`vm-${n}`), 'stopped', META);
    ids.push(id);
  });
  await Promise.all(created);
  const rest = async (): Promise<void> => {
    while (resting.size < count) await clock.sleep(1);
  };
  await rest();
  const transitions = (more: number): Promise<void> => {
    target = published + more;
    const all = new Promise<void>((resolve) => {
      reached = resolve;
    });
    resting.clear();
    for (const id of ids) drive('start', id);
    return all;
  };
  return { supervisor, transitions, rest };
}

function isRunning(lifecycle: Lifecycle): boolean {
  return lifecycle === 'running' || (typeof lifecycle === 'object' && 'running' in lifecycle);
}
