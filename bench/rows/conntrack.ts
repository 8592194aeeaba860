import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ActivityReading, TrackedGuest } from '../../src/actors/contracts/activity.ts';
import type { Conntrack } from '../../src/adapters/conntrack/conntrack.ts';
import { type KernelWorld, makeKernelWorld } from '../../test/adapters/conntrack/kernel.world.ts';
import { type BenchOptions, clock, elapsedMs, median, type Row, shown } from '../measure.ts';

/** The kernel's table of connections, in a network namespace of the benchmark's own. Needs root, nft and conntrack. */

/** On loopback, so that a real client can talk to it in the namespace. */
const GUEST: TrackedGuest = {
  instance: 'guest',
  run: 1,
  addresses: ['127.0.0.2'],
  policy: {},
};
const OTHERS = '10.99.0.2';
const ENTRIES = 100_000;
const QUICK_ENTRIES = 20_000;
/** What the kernel counts processor time in, per second. */
const TICKS_PER_S = 100;
const CPU_AIM = 2;
const STALL_AIM_MS = 20;
const DUMPS = 5;
const LATENCY_AIM_MS = 5;
const CLOSINGS = 200;
const QUICK_CLOSINGS = 40;
const LOOK_MS = 2;
const LIMIT_MS = 120_000;
const BUFFER_BYTES = 32 * 1024 ** 2;

export async function conntrack({ quick, directory }: BenchOptions): Promise<Row[]> {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const entries = quick ? QUICK_ENTRIES : ENTRIES;
  const rows: Row[] = [];
  for (const measure of [events, stall, latency]) {
    const world = await makeKernelWorld();
    try {
      rows.push(await measure(world, { entries, place, closings: quick ? QUICK_CLOSINGS : CLOSINGS }));
    } finally {
      await world.destroy();
    }
  }
  rmSync(place, { recursive: true });
  return rows;
}

interface Sizes {
  readonly entries: number;
  readonly closings: number;
  readonly place: string;
}

/** Every event twice: as many entries made as fast as the tool can, then all of them destroyed at once. */
async function events(world: KernelWorld, { entries, place }: Sizes): Promise<Row> {
  const source = world.conntrack();
  source.watch(GUEST, () => undefined);
  await source.confirm(GUEST);
  const tool = await startTool(world);
  const before = [cpuOf(source.collectorPid()!), cpuOf(tool.pid!)] as const;
  const { events: seen } = source.status();
  await fill(world, OTHERS, entries, place);
  await reached(source, seen + entries);
  const burstMs = await elapsedMs(async () => {
    await world.place.run('conntrack', '-F');
    await reached(source, seen + 2 * entries);
  });
  const ours = cpuOf(source.collectorPid()!) - before[0];
  const theirs = cpuOf(tool.pid!) - before[1];
  tool.kill('SIGKILL');
  const { losses } = source.status();
  const perSecond = shown((entries / burstMs) * 1_000);
  return {
    name: `processor time of the collector for ${shown(2 * entries)} events of a kernel`,
    measured: `${shown(ours * 1_000)} ms, ${losses} losses; ${shown(entries)} at once were read at ${perSecond} a second`,
    baseline: `${shown(theirs * 1_000)} ms of conntrack -E to /dev/null, beside it`,
    ratio: losses > 0 ? Number.NaN : ours / theirs,
    aim: { bound: 'at_most', value: CPU_AIM },
  };
}

/** How long the daemon did nothing else while somebody waited for a dump of a large table, all of it about one guest. */
async function stall(world: KernelWorld, { entries, place }: Sizes): Promise<Row> {
  await fill(world, GUEST.addresses[0]!, entries, place);
  const source = world.conntrack();
  source.watch(GUEST, () => undefined);
  await source.confirm(GUEST);
  const dumps: number[] = [];
  const during = gaps();
  for (let n = 0; n < DUMPS; n += 1) {
    dumps.push(await elapsedMs(async () => void (await source.confirm(GUEST))));
  }
  const reading = await during.end();
  const idling = gaps();
  await clock.sleep(median(dumps));
  const idle = await idling.end();
  const { entries: found } = source.status();
  return {
    name: `longest stall of the daemon while ${shown(found)} entries are read, processor time`,
    measured:
      `${shown(reading.ownMs)} ms in ${DUMPS} dumps of ${shown(median(dumps))} ms; by the clock ` +
      `${shown(reading.wallMs)} ms, and ${shown(idle.wallMs)} ms with no dump`,
    baseline: `the aim of ${STALL_AIM_MS} ms`,
    ratio: reading.ownMs / STALL_AIM_MS,
    aim: { bound: 'at_most', value: 1 },
  };
}

/** From the moment at which the last client lets go of a real connection to the reading that says so. */
async function latency(world: KernelWorld, { closings }: Sizes): Promise<Row> {
  const source = world.conntrack();
  const client = await startClient(world);
  let told = (_reading: ActivityReading): void => undefined;
  const heard = (connections: number): Promise<number> =>
    new Promise((resolve) => {
      told = (reading) => {
        if (reading.observer === 'in_order' && reading.connections === connections) {
          resolve(performance.timeOrigin + performance.now());
        }
      };
    });
  const first = heard(0);
  source.watch(GUEST, (reading) => told(reading));
  await first;
  const times: number[] = [];
  for (let n = 0; n < closings; n += 1) {
    const open = heard(1);
    await client.say('open');
    await open;
    const idle = heard(0);
    const closed = await client.say('close');
    times.push((await idle) - closed);
  }
  client.end();
  const [middle, worst] = [median(times), times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)]!];
  return {
    name: 'last connection closed to the reading that says so',
    measured: `${shown(middle)} ms, median of ${times.length}; ${shown(worst)} ms the 99th percentile`,
    baseline: `the aim of ${LATENCY_AIM_MS} ms`,
    ratio: middle / LATENCY_AIM_MS,
    aim: { bound: 'at_most', value: 1 },
  };
}

/** Entries of as many clients as there are, made by the tool from a file of requests. */
async function fill(world: KernelWorld, to: string, entries: number, place: string): Promise<void> {
  const file = join(place, 'requests');
  const lines = Array.from({ length: entries }, (_, n) => {
    const client = `10.${100 + (n >> 16)}.${(n >> 8) & 0xff}.${n & 0xff}`;
    return `-I -p tcp -s ${client} -d ${to} --sport 40000 --dport 80 --state ESTABLISHED -t 600`;
  });
  writeFileSync(file, lines.join('\n'));
  await world.place.run('/bin/sh', '-c', `conntrack -R ${file} >/dev/null`);
}

async function reached(source: Conntrack, events: number): Promise<void> {
  const end = clock.monotonic() + LIMIT_MS;
  while (source.status().events < events) {
    if (clock.monotonic() > end) throw new Error(`only ${source.status().events} of ${events} events were told`);
    await clock.sleep(LOOK_MS);
  }
}

interface Gaps {
  /** Longest time between two turns of the event loop, by the clock. */
  readonly wallMs: number;
  /** The same in processor time of this thread: what it is on a machine that does nothing else. */
  readonly ownMs: number;
}

function gaps(): { end(): Promise<Gaps> } {
  const own = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  let last = [clock.monotonic(), own()] as const;
  let longest: Gaps = { wallMs: 0, ownMs: 0 };
  let ended = false;
  const turning = (async () => {
    while (!ended) {
      await clock.turn();
      const now = [clock.monotonic(), own()] as const;
      longest = {
        wallMs: Math.max(longest.wallMs, now[0] - last[0]),
        ownMs: Math.max(longest.ownMs, now[1] - last[1]),
      };
      last = now;
    }
  })();
  return {
    async end() {
      ended = true;
      await turning;
      return longest;
    },
  };
}

/** Seconds of processor time a process has taken. */
function cpuOf(pid: number): number {
  const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

async function startTool(world: KernelWorld): Promise<ChildProcess> {
  const nowhere = openSync('/dev/null', 'w');
  const [file = '', ...args] = [...world.place.enter, 'conntrack', '-E', '-o', 'id', '-b', String(BUFFER_BYTES)];
  const tool = spawn(file, args, { stdio: ['ignore', nowhere, 'pipe'] });
  closeSync(nowhere);
  await new Promise<void>((resolve) => tool.stderr!.once('data', () => resolve()));
  return tool;
}

async function startClient(world: KernelWorld) {
  const program = fileURLToPath(new URL('conntrack-client.process.ts', import.meta.url));
  const [file = '', ...args] = [...world.place.enter, process.execPath, program, GUEST.addresses[0]!];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    say: async (word: string): Promise<number> => {
      child.stdin.write(`${word}\n`);
      return Number((await lines.next()).value);
    },
    end: () => child.stdin.end(),
  };
}
