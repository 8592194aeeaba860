import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemRandom } from '../../src/actors/clock.ts';
import type { Hypervisor, Observation } from '../../src/actors/contracts/hypervisor.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { type BenchOptions, clock, median, type Row, shown } from '../measure.ts';
import { definitionNamed, META } from '../workload.ts';

const AIM_MS = 5;
const CRASHES = 200;
const QUICK_CRASHES = 40;

interface Moments {
  readonly hypervisor: Hypervisor;
  /** When, by instance: its VMM was seen to end, and the next one was asked for. */
  readonly ended: Map<string, number>;
  readonly booted: (instance: string) => Promise<number>;
}

/** The hypervisor with a look at the clock at the two ends of what is measured. */
function watched(inner: Hypervisor): Moments {
  const ended = new Map<string, number>();
  const waiting = new Map<string, (at: number) => void>();
  inner.observe((observation: Observation) => {
    if (observation.type === 'vmm.exited') ended.set(observation.instance, clock.monotonic());
  });
  const boot: Hypervisor['boot'] = (spec, control) => {
    waiting.get(spec.instance)?.(clock.monotonic());
    return inner.boot(spec, control);
  };
  const booted = (instance: string): Promise<number> => new Promise((resolve) => waiting.set(instance, resolve));
  return { hypervisor: { ...inner, boot }, ended, booted };
}

/** From the end of a VMM to the call that boots the next one, with the record of that decision synced in between. */
export async function bootAfterEnd({ quick, directory }: BenchOptions): Promise<Row[]> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const log = await openSqliteLog({ directory: place, clock });
  const random = systemRandom();
  const world = createWorld({ clock, random });
  const control = controlSimulator({ world, clock });
  const { hypervisor, ended, booted } = watched(createSimulator({ world, clock }));
  let ready = (): void => {};
  const nextReady = (): Promise<void> =>
    new Promise((resolve) => {
      ready = resolve;
    });
  const supervisor = await createSupervisor({
    log,
    hypervisor,
    clock,
    random,
    onRecord: ({ record }) => {
      if (record.facts.some(({ type }) => type === 'instance.ready')) ready();
    },
  });
  await control.setBootDuration('*', 0);
  const times: number[] = [];
  for (let n = 0; n < (quick ? QUICK_CRASHES : CRASHES); n++) {
    const running = nextReady();
    const { id } = await supervisor.create(definitionNamed(`vm-${n}`), 'running', META);
    await running;
    const asked = booted(id);
    const runningAgain = nextReady();
    await control.crash(id);
    times.push((await asked) - ended.get(id)!);
    await runningAgain;
  }
  await supervisor.close();
  await control.shutdownWorld();
  await log.close();
  rmSync(place, { recursive: true });
  return [
    {
      name: 'end of a VMM to the call that boots the next one (simulator)',
      measured: `${shown(median(times))} ms, median of ${times.length}`,
      baseline: `the aim of ${AIM_MS} ms`,
      ratio: median(times) / AIM_MS,
      aim: { bound: 'at_most', value: 1 },
    },
  ];
}
