import type { ScheduleName } from '../../machines/definition.ts';
import type { ObservationEvent, Unstamped } from '../../machines/events.ts';
import { scheduledOf } from '../../machines/schedules.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import type { AddressPool } from './address-pool.ts';
import type {
  ActivityReading,
  ActivitySource,
  ActivityView,
  ObserverStatus,
  StandbyReadings,
} from './contracts/activity.ts';
import type { Clock } from './contracts/clock.ts';
import type { Network } from './contracts/network.ts';
import type { Prober } from './contracts/probe.ts';
import type { ProbeReading } from './contracts/probe-readings.ts';
import type { Telemetry } from './contracts/telemetry.ts';
import { ProbeScheduler, type ProbingStatus } from './probing/probe-scheduler.ts';
import { ScheduleMinutes } from './schedules/schedule-minutes.ts';
import { changesNothing, type Deciding } from './steady-state.ts';
import type { SupervisorOptions } from './supervisor.ts';
import { trackedGuest } from './tracking/tracked-guest.ts';
import { trackTraffic, trackUntold } from './tracking/traffic-tracking.ts';

/**
 * What is done for as long as an instance is in certain states: probing it, watching its traffic, telling it the minutes
 * of its schedules. It is never an entry
 * or exit effect: after each record, and at recovery, it is derived from the tags of the state and started or stopped
 * by difference. Nothing of it is recorded; only what it finds, and only when that changes something.
 */

export interface StandingWorkOptions {
  readonly clock: Clock;
  readonly prober?: Prober | undefined;
  readonly activity?: ActivitySource | undefined;
  readonly network?: Network | undefined;
  readonly addresses?: AddressPool | undefined;
  readonly telemetry?: Telemetry | undefined;
  readonly deliver: (instance: string, reading: Unstamped<ObservationEvent>) => void;
  /** A snapshot is scheduled for this minute: the instance hears of it when its turn has come. */
  readonly snapshotDue?: ((instance: string, minute: number) => void) | undefined;
  /** Undefined when the instance is not in memory. */
  readonly actorOf: (instance: string) => Deciding | undefined;
  readonly report?: SupervisorOptions['report'];
}

interface Work {
  /** Names what the work is about; another key is other work. */
  readonly key: string;
  readonly stop: () => void;
  /** Says again what is known, to a state that may not have heard it. */
  readonly repeat: (snapshot: ChartSnapshot) => void;
}

interface Tracked extends Work {
  readonly reading: () => ActivityReading | null;
}

interface WorkOf {
  readonly probing: Work;
  readonly tracking: Tracked;
}
type Kind = keyof WorkOf;

export class StandingWork implements ActivityView {
  readonly #options: StandingWorkOptions;
  readonly #probes: ProbeScheduler | null;
  readonly #minutes: ScheduleMinutes<ScheduleName>;
  #closed = false;
  readonly #work: { readonly [K in Kind]: Map<string, WorkOf[K]> } = { probing: new Map(), tracking: new Map() };

  constructor(options: StandingWorkOptions) {
    this.#options = options;
    const { prober, clock, telemetry } = options;
    const deliver = (instance: string, reading: Unstamped<ObservationEvent>): void => this.#deliver(instance, reading);
    this.#probes = prober === undefined ? null : new ProbeScheduler({ prober, clock, telemetry, deliver });
    this.#minutes = new ScheduleMinutes({
      clock,
      deliver: (instance, schedule, minute, isMissed) => {
        const { snapshotDue } = options;
        if (isMissed) this.#deliver(instance, { type: 'schedule.due', schedule, minute, left_out: 'missed' });
        else if (schedule === 'snapshot' && snapshotDue !== undefined) snapshotDue(instance, minute);
        else this.#deliver(instance, { type: 'schedule.due', schedule, minute });
      },
      report: (instance, message) => options.report?.({ instance, message }),
    });
  }

  /** Starts and stops what differs from what this state calls for. */
  derive(instance: string, snapshot: ChartSnapshot): void {
    if (this.#closed) return;
    this.#deriveProbing(instance, snapshot);
    this.#deriveTracking(instance, snapshot);
    this.#minutes.derive(instance, scheduledOf(snapshot));
  }

  readingsOf(instance: string): ProbeReading | undefined {
    return this.#probes?.readingsOf(instance);
  }

  probing(): ProbingStatus {
    return this.#probes?.status() ?? { windows: 0, in_flight: 0, waiting: 0 };
  }

  get observer(): ObserverStatus | null {
    return this.#options.activity?.status() ?? null;
  }

  standbyReadings(instance: string): StandbyReadings {
    const tracked = this.#work.tracking.get(instance);
    if (tracked === undefined) return { reading: null, connections: undefined };
    return { reading: tracked.reading(), connections: this.#options.activity?.connectionsOf(instance) };
  }

  /** Ends all of it for good: the process is ending. */
  close(): void {
    this.#closed = true;
    for (const work of Object.values(this.#work)) {
      for (const { stop } of work.values()) stop();
      work.clear();
    }
    this.#probes?.close();
    this.#minutes.close();
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
    const { activity, clock } = this.#options;
    const { run, definition } = snapshot.context;
    const asked = definition === null ? null : { instance, run: run.number, definition };
    const isAsked = asked !== null && snapshot.hasTag('tracked');
    const guest = isAsked ? trackedGuest(this.#options, asked) : null;
    const key = guest === null ? `untold/${run.number}` : JSON.stringify(guest);
    const deliver = (id: string, event: Unstamped<ObservationEvent>): void => this.#deliver(id, event);
    this.#become('tracking', instance, isAsked ? key : null, snapshot, () => {
      if (guest === null || activity === undefined) return { key, ...trackUntold(deliver, instance, snapshot) };
      return { key, ...trackTraffic({ activity, clock, deliver }, guest, snapshot) };
    });
  }

  #become<K extends Kind>(
    kind: K,
    instance: string,
    key: string | null,
    snapshot: ChartSnapshot,
    start: (key: string) => WorkOf[K],
  ): void {
    const work: Map<string, WorkOf[K]> = this.#work[kind];
    const present = work.get(instance);
    if (present !== undefined && present.key === key) {
      present.repeat(snapshot);
      return;
    }
    present?.stop();
    work.delete(instance);
    if (key !== null) work.set(instance, start(key));
  }

  /** A reading that would change nothing is dropped here: it becomes no letter, and no chart is run for it. */
  #deliver(instance: string, reading: Unstamped<ObservationEvent>): void {
    const { clock, deliver, actorOf } = this.#options;
    const actor = actorOf(instance);
    if (actor === undefined || !changesNothing(actor, reading, clock.now())) deliver(instance, reading);
  }
}
