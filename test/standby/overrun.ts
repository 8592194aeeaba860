import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { InstanceRecord } from '../../machines/record.ts';
import { AddressPool, parseRange } from '../../src/actors/address-pool.ts';
import { systemClock, systemRandom } from '../../src/actors/clock.ts';
import type { ActivitySource, ObserverStatus } from '../../src/actors/contracts/activity.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { createSimulatedNetwork } from '../../src/adapters/simulator/simulated-network.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { siteOf } from '../../src/cli/daemon/network.ts';
import { definition, OPERATOR } from '../actors/simulated-host.ts';
import { makeKernelWorld } from '../adapters/conntrack/kernel.world.ts';
import { until } from '../cli/daemon-process.ts';
import { loadTold, recordTold } from '../told-records.ts';

/**
 * A guest under a short idle timeout, the kernel's own table of connections, and a buffer for its events that is far too
 * small: what happens to the guest when events are lost while a client is connected. The guest is simulated; its address and
 * its client are real, in a network namespace of their own.
 */

const IDLE_MS = 400;
const GUEST = '10.77.0.2';
/** Nobody talks to it: by the time it sleeps, the other one would, if its client had been overlooked. */
const WITNESS = '10.77.0.3';
const CLIENT = '10.77.200.1';
const PORT = 8080;
/** Each is one event of a few hundred bytes. */
const FLOOD = 3_000;
const BUFFER_BYTES = 4_096;
/**
 * What was flooded ends half a minute later, all at once, for which the buffer is too small again: on a busy machine the
 * observer can be blind for as long, and whoever is not seen stays awake.
 */
const LIMIT_MS = 50_000;
const WAKINGS_MAX = 10;
const TOLD_MAX = 15;

const clock = systemClock();

export interface Overrun {
  /** Events the source says were lost, before and after. */
  readonly losses: readonly [number, number];
  /** What became of the guest by the time at which an idle one beside it was put to sleep. */
  readonly facts: readonly string[];
  readonly state: string;
}

export interface OverrunScene {
  /** Loses events, the opening of the one connection and the closing of the one before among them. */
  overrun(): Promise<Overrun>;
  /** The last connection is closed: resolves when the guest sleeps. */
  endAndAwaitSleep(): Promise<void>;
  /** What the source says of itself, and what both guests were told last. */
  story(): string;
  close(): Promise<void>;
}

export async function openOverrunScene(): Promise<OverrunScene> {
  const kernel = await makeKernelWorld();
  for (const address of [GUEST, CLIENT]) await kernel.place.run('ip', 'address', 'add', `${address}/32`, 'dev', 'lo');
  const talker = await startTalker(kernel.place.enter);
  const source = kernel.conntrack({ receiveBufferBytes: BUFFER_BYTES });
  const host = await startHost(source);
  const guest = await host.run('guest', GUEST);
  const sleeps = (state: string): boolean => state.includes('"standby":"sleeping"');
  const isTalkedTo = (state: string): boolean => /"lifecycle":"running".*"standby":"active"/.test(state);
  // What is left of connections to whoever had the address before is removed at the boot: the client comes after it. On a
  // busy machine the guest may be asleep by then.
  for (let tries = 1; ; tries++) {
    await until(guest.state, (now) => now.includes('"lifecycle":"running"'), LIMIT_MS);
    await talker.say('renew');
    const state = await until(guest.state, (now) => isTalkedTo(now) || sleeps(now), LIMIT_MS);
    if (isTalkedTo(state)) break;
    if (tries === WAKINGS_MAX) throw new Error('the guest falls asleep faster than its client can come');
    await guest.restore();
  }
  const witness = await host.run('witness', WITNESS);
  return {
    async overrun() {
      await until(witness.state, sleeps, LIMIT_MS);
      const [before, from] = [source.status().losses, guest.records.length];
      process.kill(source.collectorPid()!, 'SIGSTOP');
      try {
        for (const word of ['flood', 'renew', 'flood']) await talker.say(word);
      } finally {
        process.kill(source.collectorPid()!, 'SIGCONT');
      }
      const isBack = ({ losses, state }: ObserverStatus): boolean => losses > before && state === 'in_order';
      await until(() => source.status(), isBack, LIMIT_MS);
      await witness.restore();
      await until(witness.state, sleeps, LIMIT_MS);
      const facts = guest.records.slice(from).flatMap((record) => record.facts.map(({ type }) => type));
      return { losses: [before, source.status().losses], facts, state: guest.state() };
    },
    async endAndAwaitSleep() {
      await talker.say('end');
      await until(guest.state, sleeps, LIMIT_MS);
    },
    story() {
      const told = [guest, witness].map(({ records }) => records.slice(-TOLD_MAX).map(recordTold));
      return JSON.stringify({ load: loadTold(), source: source.status(), guest: told[0], witness: told[1] }, null, 1);
    },
    async close() {
      await host.supervisor.close();
      talker.close();
      await kernel.destroy();
    },
  };
}

async function startHost(activity: ActivitySource) {
  const random = systemRandom();
  const world = createWorld({ clock, random });
  const range = parseRange('10.77.0.0/16')!;
  const { site } = siteOf({ bridge: 'simulated', bridge_range: range }, () => 'overrun')!;
  const records: InstanceRecord[] = [];
  const supervisor = await createSupervisor({
    log: createMemoryLog(),
    hypervisor: createSimulator({ world, clock }),
    activity,
    addresses: new AddressPool(range),
    network: createSimulatedNetwork(site),
    clock,
    random,
    clockLookMs: Number.POSITIVE_INFINITY,
    onRecord: ({ record }) => records.push(record),
    report: () => undefined,
  });
  return {
    supervisor,
    async run(name: string, address: string) {
      const auto_standby = { enabled: true, idle_timeout_ms: IDLE_MS };
      const network = { enabled: true, mode: 'bridge', address, mac: null, ports: [] } as const;
      const wanted = definition({ name, auto_standby, network: { ...network, ports: [] } });
      const { id } = await supervisor.create(wanted, 'running', OPERATOR);
      return {
        get records() {
          return records.filter(({ stream }) => stream === id);
        },
        state: () => JSON.stringify(records.findLast(({ stream }) => stream === id)?.state.value),
        restore: () => supervisor.command(id, { type: 'restore', by: 'ann' }, OPERATOR),
      };
    },
  };
}

async function startTalker(enter: readonly string[]) {
  const program = fileURLToPath(new URL('talker.process.ts', import.meta.url));
  const [file = '', ...args] = [...enter, process.execPath, program, GUEST, CLIENT, String(PORT), String(FLOOD)];
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const heard = async (): Promise<void> => {
    if ((await lines.next()).done) throw new Error('the client and its guest have ended');
  };
  await heard();
  return {
    say: async (word: string): Promise<void> => {
      child.stdin.write(`${word}\n`);
      await heard();
    },
    close: () => {
      child.stdin.end();
    },
    ended: once(child, 'exit'),
  };
}
