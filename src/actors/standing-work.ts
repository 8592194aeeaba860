import type { ObservationEvent, Unstamped } from '../../machines/events.ts';
import { stateOf } from '../../machines/public-states.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import type { ActivityReading, ActivitySource } from './contracts/activity.ts';
import type { Clock } from './contracts/clock.ts';
import type { Prober } from './contracts/probe.ts';
import type { ProbeReading } from './contracts/probe-readings.ts';
import { safeSentence } from './contracts/safe-sentence.ts';
import type { Telemetry } from './contracts/telemetry.ts';
import { ProbeScheduler, type ProbingStatus } from './probing/probe-scheduler.ts';
import { changesNothing, type Deciding } from './steady-state.ts';

/**
 * What is done for as long as an instance is in certain states: probing it, watching its traffic. It is never an entry
 * or exit effect: after each record, and at recovery, it is derived from the tags of the state and started or stopped
 * by difference. Nothing of it is recorded; only what it finds, and only when that changes something.
 */

export interface StandingWorkOptions {
  readonly clock: Clock;
  readonly prober?: Prober | undefined;
  readonly activity?: ActivitySource | undefined;
  readonly telemetry?: Telemetry | undefined;
  readonly deliver: (instance: string, reading: Unstamped<ObservationEvent>) => void;
  /** Undefined when the instance is not in memory. */
  readonly actorOf: (instance: string) => Deciding | undefined;
}

interface Work {
  /** Names what the work is about; another key is other work. */
  readonly key: string;
  readonly stop: () => void;
  /** Says again what is known, to a state that may not have heard it. */
  readonly repeat: (snapshot: ChartSnapshot) => void;
}

type Kind = 'probing' | 'tracking';

export class StandingWork {
  readonly #options: StandingWorkOptions;
  readonly #probes: ProbeScheduler | null;
  #closed = false;
  readonly #work: Readonly<Record<Kind, Map<string, Work>>> = { probing: new Map(), tracking: new Map() };

  constructor(options: StandingWorkOptions) {
    this.#options = options;
    const { prober, clock, telemetry } = options;
    const deliver = (instance: string, reading: Unstamped<ObservationEvent>): void => this.#deliver(instance, reading);
    this.#probes = prober === undefined ? null : new ProbeScheduler({ prober, clock, telemetry, deliver });
  }

  /** Starts and stops what differs from what this state calls for. */
  derive(instance: string, snapshot: ChartSnapshot): void {
    if (this.#closed) return;
    this.#deriveProbing(instance, snapshot);
    this.#deriveTracking(instance, snapshot);
  }

  readingsOf(instance: string): ProbeReading | undefined {
    return this.#probes?.readingsOf(instance);
  }

  probing(): ProbingStatus {
    return this.#probes?.status() ?? { windows: 0, in_flight: 0, waiting: 0 };
  }

  /** Ends all of it for good: the process is ending. */
  close(): void {
    this.#closed = true;
    for (const work of Object.values(this.#work)) {
      for (const { stop } of work.values()) stop();
      work.clear();
    }
    this.#probes?.close();
  }

  /** What names the window names the work: an update of anything else leaves the guest asked as it was. */
  #deriveProbing(instance: string, snapshot: ChartSnapshot): void {
    const probes = this.#probes;
    const { run, health, definition } = snapshot.context;
    const check = definition?.health_check ?? null;
    const probed = probes !== null && check !== null && snapshot.hasTag('probed');
    this.#become('probing', instance, probed ? `${run.number}/${health.revision}` : null, snapshot, (key) => {
      const network = definition?.network;
      const address = network?.mode === 'bridge' ? network.address : null;
      const guest = { instance, run: run.number, address, ports: network?.ports ?? [] };
      probes!.open({ guest, check: check!, revision: health.revision }, health);
      return { key, stop: () => probes!.end(instance), repeat: () => {} };
    });
  }

  #deriveTracking(instance: string, snapshot: ChartSnapshot): void {
    const { activity } = this.#options;
    const { run, definition } = snapshot.context;
    const policy = definition?.auto_standby ?? null;
    const tracked = activity !== undefined && policy !== null && snapshot.hasTag('tracked');
    const trackedKey = tracked ? `${run.number}/${JSON.stringify(policy)}` : null;
    this.#become('tracking', instance, trackedKey, snapshot, (key) => {
      const guest = { instance, run: run.number, addresses: [], policy: policy! };
      return this.#track(key, activity!, guest, snapshot);
    });
  }

  #become(
    kind: Kind,
    instance: string,
    key: string | null,
    snapshot: ChartSnapshot,
    start: (key: string) => Work,
  ): void {
    const present = this.#work[kind].get(instance);
    if (present !== undefined && present.key === key) {
      present.repeat(snapshot);
      return;
    }
    present?.stop();
    this.#work[kind].delete(instance);
    if (key !== null) this.#work[kind].set(instance, start(key));
  }

  /** A reading that would change nothing is dropped here: it becomes no letter, and no chart is run for it. */
  #deliver(instance: string, reading: Unstamped<ObservationEvent>): void {
    const { clock, deliver, actorOf } = this.#options;
    const actor = actorOf(instance);
    if (actor === undefined || !changesNothing(actor, reading, clock.now())) deliver(instance, reading);
  }

  #track(
    key: string,
    activity: ActivitySource,
    guest: Parameters<ActivitySource['watch']>[0],
    begun: ChartSnapshot,
  ): Work {
    let snapshot = begun;
    let reading: ActivityReading | null = null;
    const say = (): void => {
      for (const event of reading === null ? [] : activityEvents(reading, guest.run, snapshot)) {
        this.#deliver(guest.instance, event);
      }
    };
    const stop = activity.watch(guest, (newest) => {
      reading = newest;
      say();
    });
    const repeat = (newest: ChartSnapshot): void => {
      snapshot = newest;
      say();
    };
    return { key, stop, repeat };
  }
}

/** What a reading tells a chart that stands where this one does; nothing when it knows already. */
function activityEvents(
  reading: ActivityReading,
  run: number,
  { value, context }: ChartSnapshot,
): Unstamped<ObservationEvent>[] {
  const state = stateOf(value, 'standby');
  if (reading.observer === 'lost') {
    return state === 'blind' ? [] : [{ type: 'observer.lost', error: safeSentence(reading.error) }];
  }
  if (context.standby.observer === 'lost') return [{ type: 'observer.restored' }];
  const { connections } = reading;
  if (connections > 0) return state === 'active' ? [] : [{ type: 'traffic.active', run, connections }];
  return state === 'active' ? [{ type: 'traffic.idle', run }] : [];
}
