import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InstanceRecord } from '../../machines/record.ts';
import { systemClock, systemRandom } from '../../src/actors/clock.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import type { FaultPoint } from '../../src/actors/fault-points.ts';
import type { Supervisor } from '../../src/actors/supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { createHttpProber } from '../../src/adapters/probes/http-prober.ts';
import { createProbers } from '../../src/adapters/probes/probers.ts';
import { buildDemoImage } from '../../src/adapters/qemu/image/build-demo.ts';
import { busyPorts } from '../../src/cli/daemon/busy-ports.ts';
import { definition } from '../actors/simulated-host.ts';
import { makeQemuWorld } from '../adapters/qemu.world.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { loadTold, recordTold } from '../told-records.ts';

/** The real runtime over real VMs that are asked over HTTP and restarted when they are sick, in this process. */

/** One moment of the runtime, the first of its kind since a guest was upset, as fault points see it. */
export interface Moment {
  readonly point: FaultPoint;
  readonly subject: string;
}

export interface SickGuest {
  readonly id: string;
  readonly records: readonly InstanceRecord[];
  /** Moments since it was upset. */
  readonly moments: readonly Moment[];
  /** Its records, one line each, for whoever has to find out what became of it. */
  history(): string;
  /** From now on its workload says that it is not well. */
  makeSick(): Promise<void>;
  /** Its VMM is killed from outside. */
  crash(): Promise<void>;
  /** Calls back once, at that moment, which lasts until the promise has settled. */
  at(moment: Moment, act: () => Promise<unknown>): void;
  stop(): Promise<unknown>;
  phase(): string | undefined;
  restart(): string | undefined;
  health(): string | undefined;
  run(): number;
  pids(): Promise<number[]>;
}

export interface SickWard {
  readonly supervisor: Supervisor;
  /** Boots a guest and waits until it is known to be healthy. */
  admit(name: string): Promise<SickGuest>;
  close(): Promise<void>;
}

const BY = { actor: 'test', via: 'http' } as const;
const MEMORY_BYTES = 96 * 1024 ** 2;
const PORT = 80;
const HEALTHY_LIMIT_MS = 120_000;
const ANSWER_LIMIT_MS = 5_000;
const policies = {
  restart_policy: { policy: 'on_failure', backoff_ms: 25_000, max_attempts: 0, stable_after_ms: 600_000 },
  health_check: {
    target: { type: 'http', port: PORT, path: '/health', scheme: 'http', expected_status: 200 },
    // One failure is a verdict here, and a busy machine is not to give it.
    interval_ms: 4_000,
    timeout_ms: 4_000,
    start_period_ms: 0,
    failure_threshold: 1,
    success_threshold: 1,
  },
} as const;

/** What the fault points see of one instance. */
class Watch {
  readonly moments: Moment[] = [];
  isUpset = false;
  #wanted: { readonly moment: Moment; readonly act: () => Promise<unknown> } | null = null;

  at(moment: Moment, act: () => Promise<unknown>): void {
    this.#wanted = { moment, act };
  }

  pass(point: FaultPoint, subject: string): Promise<void> | undefined {
    if (!this.isUpset || this.moments.some((one) => one.point === point && one.subject === subject)) return undefined;
    this.moments.push({ point, subject });
    const wanted = this.#wanted;
    if (wanted?.moment.point !== point || wanted.moment.subject !== subject) return undefined;
    this.#wanted = null;
    return wanted.act().then(() => undefined);
  }
}

export async function openSickWard(): Promise<SickWard> {
  const images = mkdtempSync(join(tmpdir(), 'statevisor-ward-'));
  const clock = systemClock();
  await buildDemoImage({ imagesDirectory: images, clock });
  const world = await makeQemuWorld(images);
  const watches = new Map<string, Watch>();
  const records = new Map<string, InstanceRecord[]>();
  const watchOf = (id: string): Watch => {
    const watch = watches.get(id) ?? new Watch();
    watches.set(id, watch);
    return watch;
  };
  const supervisor = await createSupervisor({
    log: createMemoryLog(),
    hypervisor: world.hypervisor,
    clock,
    random: systemRandom(),
    busyPorts,
    prober: createProbers({ http: createHttpProber({ clock, version: '0.0.0' }) }),
    faults: (point, { instance, subject }) => watchOf(instance).pass(point, subject),
    onRecord: ({ record }) => {
      records.set(record.stream, [...(records.get(record.stream) ?? []), record]);
    },
  });
  const admit = async (name: string): Promise<SickGuest> => {
    // Left open: a port that is merely free may be that of a guest of this ward that is down at the moment.
    const network = { enabled: true, ports: [{ host_port: 0, guest_port: PORT }] };
    const wanted = definition({ ...policies, name, image: 'demo', memory_bytes: MEMORY_BYTES, network });
    const { id, definition: given } = await supervisor.create(wanted, 'running', BY);
    const watch = watchOf(id);
    const own = (): readonly InstanceRecord[] => records.get(id) ?? [];
    const latest = () => own().at(-1)?.state;
    const guest: SickGuest = {
      id,
      get records() {
        return own();
      },
      moments: watch.moments,
      history: () => own().map(recordTold).join('\n'),
      makeSick: async () => {
        watch.isUpset = true;
        await untilSick(guest, given.network.ports[0]!.host_port);
      },
      crash: async () => {
        watch.isUpset = true;
        for (const pid of await world.pids(id)) process.kill(pid, 'SIGKILL');
      },
      at: (moment, act) => watch.at(moment, act),
      stop: () => supervisor.command(id, { type: 'stop', by: 'test' }, BY),
      phase: () => stateNamed(latest()?.value, 'lifecycle'),
      restart: () => stateNamed(latest()?.value, 'restart'),
      health: () => stateNamed(latest()?.value, 'health'),
      run: () => latest()?.context.run.number ?? 0,
      pids: () => world.pids(id),
    };
    await tellingHistory(guest, () =>
      untilTrue(() => guest.health() === 'healthy', `${name} is healthy`, HEALTHY_LIMIT_MS),
    );
    return guest;
  };
  return {
    supervisor,
    admit,
    close: async () => {
      await supervisor.close();
      await world.destroy();
      rmSync(images, { recursive: true, force: true });
    },
  };
}

/** A guest that is down at the moment says nothing, and is asked again; one that was stopped for being sick, never. */
async function untilSick(guest: SickGuest, port: number): Promise<void> {
  const url = `http://127.0.0.1:${port}/cgi-bin/sick`;
  const isSick = async (): Promise<boolean> =>
    guest.records.some(({ event }) => event.type === 'stop') || (await answers(url));
  await untilTrue(isSick, `${guest.id} is sick`, HEALTHY_LIMIT_MS);
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    await answer.text();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Adds to an error what became of the guest, and how busy the machine was. */
export async function tellingHistory<T>(guest: SickGuest, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${message}\n${loadTold()}; records of the guest:\n${guest.history()}`, { cause: error });
  }
}

function stateNamed(value: unknown, region: string): string | undefined {
  const state = (value as Readonly<Record<string, unknown>> | undefined)?.[region];
  return typeof state === 'object' && state !== null ? Object.keys(state)[0] : (state as string | undefined);
}
