import { systemClock } from '../../../src/actors/clock.ts';
import type { ActivityReading, ActivitySource, TrackedGuest } from '../../../src/actors/contracts/activity.ts';
import { type Conntrack, type ConntrackOptions, createConntrack } from '../../../src/adapters/conntrack/conntrack.ts';
import { collectorProgram } from '../../../src/cli/conntrack-collector.ts';
import { type Namespace, openNamespace } from '../bridge/namespace.ts';

/** A kernel's table of connections of its own, in a network namespace, and the source that reads it. */

export const clock = systemClock();
/** Without a rule that asks for it the kernel tracks nothing; the sysctl makes it tell of all entries. */
const TRACKING = [
  'echo 1 > /proc/sys/net/netfilter/nf_conntrack_events',
  `printf 'table inet track {\\n chain in {\\n type filter hook input priority filter; policy accept;\\n ct state new counter\\n }\\n}\\n' | nft -f -`,
].join(' && ');

export interface Flow {
  readonly protocol: 'tcp' | 'udp';
  readonly client: string;
  readonly client_port: number;
  readonly to: string;
  readonly port: number;
  readonly state?: string;
  /** Until the kernel forgets it. */
  readonly timeout_s?: number;
}

export interface KernelWorld {
  readonly place: Namespace;
  conntrack(options?: Partial<ConntrackOptions>): Conntrack;
  /** `-I` opens, `-U` changes, `-D` removes. */
  change(verb: '-I' | '-U' | '-D', flow: Flow): Promise<void>;
  destroy(): Promise<void>;
}

export async function makeKernelWorld(): Promise<KernelWorld> {
  const place = await openNamespace();
  await place.run('/bin/sh', '-c', TRACKING);
  const sources: ActivitySource[] = [];
  return {
    place,
    conntrack(options = {}) {
      const source = createConntrack({ clock, program: collectorProgram, before: place.enter, ...options });
      sources.push(source);
      return source;
    },
    async change(verb, flow) {
      await place.run('conntrack', verb, ...optionsOf(flow), ...(verb === '-D' ? [] : stateOf(flow)));
    },
    async destroy() {
      for (const source of sources) await source.close();
      await place.close();
    },
  };
}

function optionsOf({ protocol, client, client_port, to, port }: Flow): string[] {
  return ['-p', protocol, '-s', client, '-d', to, '--sport', String(client_port), '--dport', String(port)];
}

function stateOf({ protocol, state = 'ESTABLISHED', timeout_s = 600 }: Flow): string[] {
  return ['-t', String(timeout_s), ...(protocol === 'tcp' ? ['--state', state] : [])];
}

export const GUEST: TrackedGuest = {
  instance: 'web',
  run: 1,
  addresses: ['10.9.0.2', 'fd00:9::2'],
  policy: { enabled: true, idle_timeout_ms: 60_000 },
};

export const FLOW: Flow = { protocol: 'tcp', client: '203.0.113.7', client_port: 40_001, to: '10.9.0.2', port: 80 };

/** Readings as they come, and a way to wait for one. */
export interface Heard {
  readonly readings: ActivityReading[];
  next(good: (reading: ActivityReading) => boolean): Promise<ActivityReading>;
  stop(): void;
}

export function listen(source: ActivitySource, guest: TrackedGuest = GUEST, limitMs = 10_000): Heard {
  const readings: ActivityReading[] = [];
  let from = 0;
  let look = (): void => undefined;
  const stop = source.watch(guest, (reading) => {
    readings.push(reading);
    look();
  });
  return {
    readings,
    stop,
    async next(good) {
      const late = new AbortController();
      const { promise, resolve } = Promise.withResolvers<ActivityReading | null>();
      look = () => {
        while (from < readings.length) {
          const reading = readings[from++]!;
          if (good(reading)) resolve(reading);
        }
      };
      look();
      void clock.sleep(limitMs, late.signal).then(() => resolve(null));
      const reading = await promise;
      late.abort();
      if (reading === null) throw new Error(`No such reading within ${limitMs} ms: ${JSON.stringify(readings)}`);
      return reading;
    },
  };
}

export function counts(connections: number): (reading: ActivityReading) => boolean {
  return (reading) => reading.observer === 'in_order' && reading.connections === connections;
}

export function isLost(reading: ActivityReading): boolean {
  return reading.observer === 'lost';
}
