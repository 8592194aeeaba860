import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../../../src/actors/clock.ts';
import type { ActivitySource } from '../../../src/actors/contracts/activity.ts';
import { type Conntrack, type ConntrackOptions, createConntrack } from '../../../src/adapters/conntrack/conntrack.ts';
import { collectorProgram } from '../../../src/cli/conntrack-collector.ts';
import { until } from '../../cli/daemon-process.ts';
import {
  type ActivityWorld,
  type Flow,
  GUEST,
  type Listened,
  NEIGHBOUR,
  PROBES_FROM,
  type TcpState,
} from '../../contracts/activity.world.ts';
import { type Namespace, openNamespace } from '../bridge/namespace.ts';

/** A kernel's table of connections of its own, in a network namespace, and sources that read it. */

export const clock = systemClock();
/** Without a rule that asks for it the kernel tracks nothing. */
const TRACKING = `printf 'table inet track {\\n chain in {\\n type filter hook input priority filter; policy accept;\\n ct state new counter\\n }\\n}\\n' | nft -f -`;
/** 1: of all entries; 0: of none. */
const TELLING = (how: 0 | 1): string => `echo ${how} > /proc/sys/net/netfilter/nf_conntrack_events`;
/** What keeps entries longer than any test takes. */
const LONG_S = 600;
/** Holds fewer events than are made at once to overrun it. */
const SMALL_BUFFER_BYTES = 32 * 1024;
const FLOOD = 400;
const PATIENCE_MS = 30_000;

export interface KernelWorld {
  readonly place: Namespace;
  /** A source that is closed with the world. */
  conntrack(options?: Partial<ConntrackOptions>): Conntrack;
  open(flow: Flow, state?: TcpState, timeoutMs?: number): Promise<void>;
  end(flow: Flow): Promise<void>;
  setTelling(tells: boolean): Promise<void>;
  setTracking(tracks: boolean): Promise<void>;
  /** More events than a small buffer holds, while the source cannot read them. */
  flood(source: Conntrack): Promise<void>;
  /** Removes every entry of this table, and nothing is out of order any more. */
  clear(): Promise<void>;
  destroy(): Promise<void>;
}

export async function makeKernelWorld(): Promise<KernelWorld> {
  const place = await openNamespace();
  const shell = async (script: string): Promise<void> => void (await place.run('/bin/sh', '-c', script));
  await shell(`${TELLING(1)} && ${TRACKING}`);
  const sources: ActivitySource[] = [];
  const there = new Set<string>();
  let isTracking = true;
  return {
    place,
    conntrack(options = {}) {
      const source = createConntrack({ clock, program: collectorProgram, before: place.enter, ...options });
      sources.push(source);
      return source;
    },
    async open(flow, state = 'ESTABLISHED', timeoutMs = LONG_S * 1_000) {
      const names = namesOf(flow);
      const verb = there.has(names.join()) ? '-U' : '-I';
      there.add(names.join());
      const kept = ['-t', String(timeoutMs / 1_000), ...(flow.protocol === 'tcp' ? ['--state', state] : [])];
      await place.run('conntrack', verb, ...names, ...kept);
    },
    async end(flow) {
      there.delete(namesOf(flow).join());
      await place.run('conntrack', '-D', ...namesOf(flow));
    },
    setTelling: (tells) => shell(TELLING(tells ? 1 : 0)),
    async setTracking(tracks) {
      isTracking = tracks;
      await shell(tracks ? TRACKING : 'nft flush ruleset');
    },
    async flood(source) {
      const readers = withChildren(source.collectorPid()!).filter((pid) => signal(pid, 'SIGSTOP'));
      try {
        const make = `-I -p udp -s 192.0.2.1 -d 192.0.2.2 --dport 9 -t ${LONG_S} --sport`;
        await shell(`seq 1 ${FLOOD} | sed 's/^/${make} /' | conntrack -R - && conntrack -D -s 192.0.2.1`);
      } finally {
        for (const pid of readers) signal(pid, 'SIGCONT');
      }
    },
    async clear() {
      there.clear();
      // A packet filter that is replaced while it is in order would be seen by whoever reads the table meanwhile.
      if (!isTracking) await shell(TRACKING);
      isTracking = true;
      await shell(`conntrack -F && ${TELLING(1)}`);
    },
    async destroy() {
      for (const source of sources) await source.close();
      await place.close();
    },
  };
}

export interface KernelWorlds {
  /** The same source each time, over a table that is empty again. */
  readonly make: () => Promise<ActivityWorld>;
  readonly close: () => Promise<void>;
}

/** Worlds of the contract over one way to read the table. To start a collector for each check would take most of the time. */
export function kernelWorlds(options: Partial<ConntrackOptions>): KernelWorlds {
  const isPolled = options.modes?.includes('procfs') === true;
  const settings = { ignoredSources: [PROBES_FROM], receiveBufferBytes: SMALL_BUFFER_BYTES, ...options };
  let shared: Promise<{ table: KernelWorld; source: Conntrack }> | undefined;
  const share = async () => {
    const table = await makeKernelWorld();
    return { table, source: table.conntrack(settings) };
  };
  return {
    async make() {
      shared ??= share();
      const { table, source } = await shared;
      return worldOver(table, source, isPolled);
    },
    async close() {
      await (await shared)?.table.destroy();
    },
  };
}

/** What is needed to listen to a source that is not the one of a world. */
export function listened(source: ActivitySource): Listened {
  return { source, guest: GUEST, patienceMs: PATIENCE_MS, pass: async (ms) => void (await clock.sleep(ms)) };
}

function worldOver(table: KernelWorld, source: Conntrack, isPolled: boolean): ActivityWorld {
  const stops: (() => void)[] = [];
  const unheard = async (work: () => Promise<void>): Promise<void> => {
    await table.setTelling(false);
    await work();
    await table.setTelling(true);
  };
  return {
    source: {
      watch(guest, tell) {
        const stop = source.watch(guest, tell);
        stops.push(stop);
        return stop;
      },
      confirm: (guest) => source.confirm(guest),
      connectionsOf: (instance) => source.connectionsOf(instance),
      status: () => source.status(),
      forget: (addresses, before) => source.forget(addresses, before),
      close: () => source.close(),
    },
    guest: GUEST,
    neighbour: NEIGHBOUR,
    open: table.open,
    end: table.end,
    unheard: isPolled ? null : unheard,
    overrun: isPolled ? null : () => table.flood(source),
    setReadable: table.setTracking,
    now: () => clock.now(),
    pass: async (ms) => void (await clock.sleep(ms)),
    patienceMs: PATIENCE_MS,
    async destroy() {
      for (const stop of stops) stop();
      await table.clear();
      // A dump that was under way meanwhile missed its own flow: the next check begins when that has healed.
      await until(
        () => source.confirm(GUEST),
        ({ observer }) => observer === 'in_order',
        PATIENCE_MS,
      );
    },
  };
}

function namesOf({ protocol, client, client_port, to, port }: Flow): string[] {
  return ['-p', protocol, '-s', client, '-d', to, '--sport', String(client_port), '--dport', String(port)];
}

/** A process and all that came of it; none when it has ended, as one that read the table once may meanwhile. */
export function withChildren(pid: number): number[] {
  try {
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    );
    return [pid, ...children.flatMap((child) => withChildren(Number(child)))];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** False when it has ended. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ENOENT', 'ESRCH'].includes(String(error.code));
}
