import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { systemRandom } from '../../src/actors/clock.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import type { Published, Supervisor } from '../../src/actors/supervisor.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { probeAccelerator } from '../../src/adapters/qemu/accelerator.ts';
import { commandLine } from '../../src/adapters/qemu/command-line.ts';
import { createQemuHypervisor } from '../../src/adapters/qemu/hypervisor.ts';
import { buildDemoImage } from '../../src/adapters/qemu/image/build-demo.ts';
import { openImageStore } from '../../src/adapters/qemu/image/store.ts';
import { type HandMade, handMade } from '../hand-over-qmp.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';
import { definitionNamed, META } from '../workload.ts';

const BINARY = 'qemu-system-x86_64';
const MEMORY_BYTES = 134_217_728;
const CYCLES = 20;
const QUICK_CYCLES = 5;
/** A guest under emulation on a loaded host takes its time; asked again and again, it would take longer still. */
const ASK_LIMIT_MS = 5_000;
const WAIT_LIMIT_MS = 60_000;
/** A guest that has answered is busy for a while yet, and would disturb what is measured of the other one. */
const CALM_MS = 300;
const RATIO_AIM = 1.1;
/** Beside the VMM a supervisor and the readers of its logs are started: what else runs on the machine delays each of them. */
const GROSS_FACTOR = 4;
const KIB = 1_024;

interface Sleeper {
  sleep(): Promise<void>;
  /** Resolves when the guest was let go: from then on both are asked, as questions before it would only wait in the guest. */
  wake(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Whether the guest behind that port answers 200 now. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/health', timeout: ASK_LIMIT_MS, agent: false });
    asked.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(false));
    asked.end();
  });
}

async function firstAnswer(port: number): Promise<void> {
  const end = clock.monotonic() + WAIT_LIMIT_MS;
  while (!(await answers(port))) {
    if (clock.monotonic() > end) throw new Error(`the guest behind port ${port} does not answer`);
    await clock.sleep(1);
  }
}

async function calmly(step: () => Promise<void>): Promise<number> {
  await clock.sleep(CALM_MS);
  return elapsedMs(step);
}

/** Resident memory of a process, MiB. */
function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib ?? Number.NaN) / KIB;
}

/** An instance under the whole runtime: log, chart, effects. */
async function supervised(place: string, images: string, port: number) {
  const log = await openSqliteLog({ directory: join(place, 'log'), clock });
  const random = systemRandom();
  const hypervisor = createQemuHypervisor({ directory: place, images: openImageStore(images), clock, random });
  const waiting = new Map<string, () => void>();
  let pid: number | null = null;
  const onRecord = ({ record }: Published): void => {
    if (record.event.type === 'effect.done' && 'pid' in record.event) pid = record.event.pid ?? pid;
    for (const { type } of record.facts) waiting.get(type)?.();
  };
  const supervisor: Supervisor = await createSupervisor({ log, hypervisor, clock, random, onRecord });
  const fact = (type: string): Promise<void> => new Promise((resolve) => waiting.set(type, resolve));
  const definition = { ...definitionNamed('sleeper'), vcpus: 1, memory_bytes: MEMORY_BYTES };
  const network = { enabled: true, mode: 'user' as const, ports: [{ host_port: port, guest_port: 80 }] };
  const ready = fact('instance.ready');
  const { id } = await supervisor.create({ ...definition, network }, 'running', META);
  await ready;
  const sleeper: Sleeper = {
    sleep: async () => {
      const asleep = fact('standby.entered');
      await supervisor.command(id, { type: 'standby', by: 'bench' }, META);
      await asleep;
    },
    wake: async () => {
      const letGo = fact('instance.booted');
      await supervisor.command(id, { type: 'restore', by: 'bench' }, META);
      await letGo;
    },
  };
  const settled = async (): Promise<void> => {
    const end = clock.monotonic() + WAIT_LIMIT_MS;
    while (!(await supervisor.look(id)).matches({ lifecycle: 'running' })) {
      if (clock.monotonic() > end) throw new Error('the instance does not run');
      await clock.sleep(2);
    }
  };
  const close = async (): Promise<void> => {
    const deleted = fact('instance.deleted');
    await supervisor.command(id, { type: 'delete', by: 'bench' }, META);
    await deleted;
    await supervisor.close();
    await hypervisor.close();
    await log.close();
  };
  return { sleeper, settled, close, pid: () => pid };
}

async function byHand(place: string, images: string, port: number): Promise<HandMade> {
  const found = await openImageStore(images).find('demo');
  const probed = await probeAccelerator(BINARY, clock);
  if ('error' in found || 'error' in probed) throw new Error('no guest can be booted here');
  const network = { mode: 'user', ports: [{ host_port: port, guest_port: 80 }] } as const;
  const spec = { instance: 'hand', run: 1, name: 'hand', image: 'demo', vcpus: 1, memory_bytes: MEMORY_BYTES, network };
  return handMade(join(place, 'hand'), commandLine(BINARY, spec, found.image, probed.accelerator));
}

/** A real guest put to sleep and woken until it answers 200, against the same steps by hand over QMP, in turns. */
export async function standby({ quick, directory }: BenchOptions): Promise<Row[]> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const images = join(place, 'images');
  await buildDemoImage({ imagesDirectory: images, clock });
  const [port, handPort] = [await freePort(), await freePort()];
  const hand = await byHand(place, images, handPort);
  await firstAnswer(handPort);
  const { sleeper, settled, close, pid } = await supervised(place, images, port);
  await firstAnswer(port);
  const before = residentMib(pid() ?? 0);
  const times = { sleep: [] as number[], wake: [] as number[], handSleep: [] as number[], handWake: [] as number[] };
  const cycles = quick ? QUICK_CYCLES : CYCLES;
  for (let cycle = 0; cycle < cycles; cycle++) {
    times.handSleep.push(await calmly(hand.sleep));
    times.handWake.push(await calmly(() => hand.wake().then(() => firstAnswer(handPort))));
    times.sleep.push(await calmly(sleeper.sleep));
    times.wake.push(await calmly(() => sleeper.wake().then(() => firstAnswer(port))));
    await settled();
  }
  await close();
  await hand.end();
  rmSync(place, { recursive: true, force: true });
  const row = (name: string, ours: readonly number[], theirs: readonly number[], more = ''): Row => ({
    name,
    measured: `${shown(median(ours))} ms, median of ${ours.length}${more}`,
    baseline: `${shown(median(theirs))} ms: the same steps by hand over QMP`,
    ratio: median(ours) / median(theirs),
    aim: { bound: 'at_most', value: RATIO_AIM },
    grossFactor: GROSS_FACTOR,
  });
  const memory = `; the VMM had ${before.toFixed(0)} MiB resident, asleep there is none`;
  return [
    row('restore to the first HTTP 200, real guest', times.wake, times.handWake),
    row('standby until the VMM is gone, real guest', times.sleep, times.handSleep, memory),
    {
      name: 'standby and restore without a miss',
      measured: `${times.wake.length} of ${cycles} guests answered again`,
      baseline: 'each of them',
      ratio: times.wake.length / cycles,
      aim: { bound: 'at_least', value: 1 },
    },
  ];
}
