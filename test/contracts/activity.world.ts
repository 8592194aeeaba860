import type { ActivityReading, ActivitySource, TrackedGuest } from '../../src/actors/contracts/activity.ts';

/** What the contract of sources of activity needs from an implementation's test. One world serves one check. */

export interface Flow {
  readonly protocol: 'tcp' | 'udp';
  readonly client: string;
  readonly client_port: number;
  /** One of the guest's addresses. */
  readonly to: string;
  readonly port: number;
}

export interface ActivityWorld {
  readonly source: ActivitySource;
  /** Reached under an IPv4 and an IPv6 address; nobody talks to it at first. */
  readonly guest: TrackedGuest;
  readonly neighbour: TrackedGuest;
  /** Opens a connection, or changes the state of one. */
  open(flow: Flow, state?: TcpState, timeoutMs?: number): Promise<void>;
  /** The kernel forgets it. */
  end(flow: Flow): Promise<void>;
  /** Does the work, and nobody is told of what it changes; the source does not notice. Null: nobody is ever told. */
  readonly unheard: ((work: () => Promise<void>) => Promise<void>) | null;
  /** Makes the source miss events and notice it. Null: it is told of none. */
  readonly overrun: (() => Promise<void>) | null;
  /** Whether the table can be read. */
  setReadable(readable: boolean): Promise<void>;
  now(): number;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>;
  /** How long what has to come is waited for. */
  readonly patienceMs: number;
  destroy(): Promise<void>;
}

export const STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
] as const;
export type TcpState = (typeof STATES)[number];

export const POLICY: TrackedGuest['policy'] = {
  ignore_source_cidrs: ['198.51.100.0/24', '2001:db8:1::/48'],
  ignore_destination_ports: [9100],
};
export const GUEST: TrackedGuest = {
  instance: 'web',
  run: 1,
  addresses: ['10.9.0.2', 'fd00:9::2'],
  policy: POLICY,
};
export const NEIGHBOUR: TrackedGuest = {
  instance: 'db',
  run: 1,
  addresses: ['10.9.0.3', 'fd00:9::3'],
  policy: POLICY,
};
/** The daemon's own probes come from here. */
export const PROBES_FROM = '10.9.0.1';

export const FLOW: Flow = { protocol: 'tcp', client: '203.0.113.7', client_port: 40_001, to: '10.9.0.2', port: 80 };
export const FLOW6: Flow = { ...FLOW, client: '2001:db8:7::7', to: 'fd00:9::2' };
export const DATAGRAMS: Flow = { ...FLOW, protocol: 'udp', port: 53 };

/** Readings as they come. */
export interface Listening {
  readonly readings: ActivityReading[];
  /** Waits for one, among those that no earlier call has passed over. */
  next(good: (reading: ActivityReading) => boolean): Promise<ActivityReading>;
  stop(): void;
}

const LOOK_MS = 5;

/** What listening needs of a world. */
export type Listened = Pick<ActivityWorld, 'source' | 'guest' | 'pass' | 'patienceMs'>;

export function listen(world: Listened, guest: TrackedGuest = world.guest): Listening {
  const readings: ActivityReading[] = [];
  const stop = world.source.watch(guest, (reading) => readings.push(reading));
  let seen = 0;
  return {
    readings,
    stop,
    async next(good) {
      for (let waitedMs = 0; ; waitedMs += LOOK_MS) {
        while (seen < readings.length) {
          const reading = readings[seen++]!;
          if (good(reading)) return reading;
        }
        if (waitedMs > world.patienceMs) throw new Error(`It was never told; told was ${JSON.stringify(readings)}`);
        await world.pass(LOOK_MS);
      }
    },
  };
}

export function counts(connections: number): (reading: ActivityReading) => boolean {
  return (reading) => reading.observer === 'in_order' && reading.connections === connections;
}

export function isLost(reading: ActivityReading): boolean {
  return reading.observer === 'lost';
}

export async function confirmed(world: ActivityWorld): Promise<number> {
  return connectionsIn(await world.source.confirm(world.guest));
}

/** Connections of a reading that must be one. */
export function connectionsIn(reading: ActivityReading): number {
  if (reading.observer === 'lost') throw new Error(`It is lost: ${reading.error}`);
  return reading.connections;
}
