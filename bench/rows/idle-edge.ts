import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { AddressPool, parseRange } from '../../src/actors/address-pool.ts';
import { systemRandom } from '../../src/actors/clock.ts';
import type { ActivitySource } from '../../src/actors/contracts/activity.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { IDLE_EDGE_SETTLE_MS } from '../../src/actors/tracking/traffic-tracking.ts';
import { openSqliteLog } from '../../src/adapters/log-sqlite/sqlite-log.ts';
import { createSimulatedNetwork } from '../../src/adapters/simulator/simulated-network.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { siteOf } from '../../src/cli/daemon/network.ts';
import { makeKernelWorld } from '../../test/adapters/conntrack/kernel.world.ts';
import { type BenchOptions, clock, median, type Row, shown } from '../measure.ts';
import { definitionNamed, META } from '../workload.ts';

const AIM_MS = 5;
const GUESTS = 100;
const QUICK_GUESTS = 20;
const IDLE_TIMEOUT_MS = 3_600_000;
const CLIENT = '10.77.200.1';
const PORT = 8_080;
const RANGE = '10.77.0.0/16';
/** Between two closes, so that no sync of the log is shared. */
const PAUSE_MS = 20;
const READY_MAX_MS = 30_000;
const LOOK_MS = 20;
const NS_PER_MS = 1_000_000n;

/**
 * From closing the last connection to a guest, a real one in the kernel's table, to the record that arms its idle timer,
 * synced: the kernel's event, the collector's process, the chart and SQLite in between. The guests are simulated.
 */
export async function idleEdge({ quick, directory }: BenchOptions): Promise<Row[]> {
  const guests = quick ? QUICK_GUESTS : GUESTS;
  const addresses = Array.from({ length: guests }, (_, n) => `10.77.0.${n + 2}`);
  const kernel = await makeKernelWorld();
  for (const address of [...addresses, CLIENT]) {
    await kernel.place.run('ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
  }
  const host = await startHost(kernel.conntrack(), directory);
  const talk = await startTalker(kernel.place.enter, addresses);
  try {
    for (const [n, address] of addresses.entries()) await host.run(`vm-${n}`, address);
    await until(() => host.idle.size === guests);
    await talk.say('open');
    await until(() => host.idle.size === 0);
    await clock.sleep(IDLE_EDGE_SETTLE_MS);
    const times: number[] = [];
    for (const address of addresses) {
      const closedAt = BigInt(await talk.say(`close ${address}`));
      await until(() => host.idle.has(address));
      times.push(Number(host.idle.get(address)! - closedAt) / Number(NS_PER_MS));
      await clock.sleep(PAUSE_MS);
    }
    return [rowOf(times)];
  } finally {
    talk.close();
    await host.close();
    await kernel.destroy();
  }
}

function rowOf(times: readonly number[]): Row {
  const worst = Math.max(...times);
  return {
    name: 'closing the last connection to the record that arms the idle timer (real kernel, simulated guest)',
    measured: `${shown(median(times))} ms, median of ${times.length} (most: ${shown(worst)} ms)`,
    baseline: `the aim of ${AIM_MS} ms`,
    ratio: median(times) / AIM_MS,
    aim: { bound: 'at_most', value: 1 },
  };
}

async function startHost(activity: ActivitySource, directory: string) {
  const place = mkdtempSync(join(directory, 'statevisor-bench-'));
  const log = await openSqliteLog({ directory: place, clock });
  const random = systemRandom();
  const world = createWorld({ clock, random });
  const range = parseRange(RANGE)!;
  const { site } = siteOf({ bridge: 'simulated', bridge_range: range }, () => 'bench')!;
  /** When the record that armed the timer was durable, by address, of guests that nobody talks to. */
  const idle = new Map<string, bigint>();
  const supervisor = await createSupervisor({
    log,
    hypervisor: createSimulator({ world, clock }),
    activity,
    addresses: new AddressPool(range),
    network: createSimulatedNetwork(site),
    clock,
    random,
    onRecord: ({ record, definition }) => {
      const at = process.hrtime.bigint();
      const address = definition.network.mode === 'bridge' ? (definition.network.address ?? '') : '';
      if (record.event.type === 'traffic.active') idle.delete(address);
      if (record.timers.armed.some(({ name }) => name === 'timer.idle')) idle.set(address, at);
    },
  });
  return {
    idle,
    async run(name: string, address: string) {
      const network = { enabled: true as const, mode: 'bridge' as const, address, mac: null, ports: [] };
      const auto_standby = { enabled: true, idle_timeout_ms: IDLE_TIMEOUT_MS };
      await supervisor.create({ ...definitionNamed(name), network, auto_standby }, 'running', META);
    },
    async close() {
      await supervisor.close();
      await log.close();
      rmSync(place, { recursive: true });
    },
  };
}

async function startTalker(enter: readonly string[], addresses: readonly string[]) {
  const program = fileURLToPath(new URL('idle-edge.process.ts', import.meta.url));
  const [file = '', ...args] = [...enter, process.execPath, program, CLIENT, String(PORT), ...addresses];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const heard = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the client and its guests have ended');
    return value;
  };
  await heard();
  return {
    say: (line: string): Promise<string> => {
      child.stdin.write(`${line}\n`);
      return heard();
    },
    close: () => child.stdin.end(),
  };
}

async function until(isSo: () => boolean): Promise<void> {
  const end = clock.monotonic() + READY_MAX_MS;
  while (!isSo()) {
    if (clock.monotonic() > end) throw new Error(`It was not so within ${READY_MAX_MS} ms.`);
    await clock.sleep(LOOK_MS);
  }
}
