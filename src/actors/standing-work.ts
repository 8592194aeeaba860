import type { ObservationEvent, Unstamped } from '../../machines/events.ts';
import type { HealthCheck } from '../../machines/policies.ts';
import { stateOf } from '../../machines/public-states.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import type { ActivityReading, ActivitySource } from './contracts/activity.ts';
import type { Clock } from './contracts/clock.ts';
import type { ProbedGuest, ProbeResult, Prober } from './contracts/probe.ts';

/**
 * What is done for as long as an instance is in certain states: probing it, watching its traffic. It is never an entry
 * or exit effect: after each record, and at recovery, it is derived from the tags of the state and started or stopped
 * by difference. Nothing of it is recorded; only what it finds, and only when that changes something.
 */

/** Longest error text of a probe that reaches a record. */
const ERROR_MAX_CHARS = 512;

export interface StandingWorkOptions {
  readonly clock: Clock;
  readonly prober: Prober | undefined;
  readonly activity: ActivitySource | undefined;
  readonly deliver: (instance: string, event: Unstamped<ObservationEvent>) => void;
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
  #closed = false;
  readonly #work: Readonly<Record<Kind, Map<string, Work>>> = { probing: new Map(), tracking: new Map() };

  constructor(options: StandingWorkOptions) {
    this.#options = options;
  }

  /** Starts and stops what differs from what this state calls for. */
  derive(instance: string, snapshot: ChartSnapshot): void {
    if (this.#closed) return;
    const { prober, activity } = this.#options;
    const { run, health, definition } = snapshot.context;
    const check = definition?.health_check ?? null;
    const policy = definition?.auto_standby ?? null;
    const probed = prober !== undefined && check !== null && snapshot.hasTag('probed');
    this.#become('probing', instance, probed ? `${run.number}/${health.revision}` : null, snapshot, (key) => {
      const network = definition?.network;
      const address = network?.mode === 'bridge' ? network.address : null;
      const guest = { instance, run: run.number, address, ports: network?.ports ?? [] };
      return this.#probe(key, prober!, { guest, check: check!, revision: health.revision });
    });
    const tracked = activity !== undefined && policy !== null && snapshot.hasTag('tracked');
    const trackedKey = tracked ? `${run.number}/${JSON.stringify(policy)}` : null;
    this.#become('tracking', instance, trackedKey, snapshot, (key) => {
      const guest = { instance, run: run.number, policy: policy! };
      return this.#track(key, activity!, guest, snapshot);
    });
  }

  /** Ends all of it for good: the process is ending. */
  close(): void {
    this.#closed = true;
    for (const work of Object.values(this.#work)) {
      for (const { stop } of work.values()) stop();
      work.clear();
    }
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

  #probe(key: string, prober: Prober, window: ProbeWindow): Work {
    const controller = new AbortController();
    void this.#probeUntil(controller.signal, prober, window);
    return { key, stop: () => controller.abort(), repeat: () => {} };
  }

  /** The first probe at once, each further one an interval after the result of the one before. */
  async #probeUntil(stopped: AbortSignal, prober: Prober, window: ProbeWindow): Promise<void> {
    const { clock, deliver } = this.#options;
    const { guest, check, revision } = window;
    while (!stopped.aborted) {
      const result = await probeOnce(clock, prober, window, stopped);
      if (stopped.aborted) return;
      deliver(guest.instance, probeEvent(result, { run: guest.run, revision }));
      await clock.sleep(check.interval_ms, stopped);
    }
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
        this.#options.deliver(guest.instance, event);
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

interface ProbeWindow {
  readonly guest: ProbedGuest;
  readonly check: HealthCheck;
  readonly revision: number;
}

/** One probe, ended by its timeout also when the prober does not keep to it: no answer in time is a failure. */
async function probeOnce(
  clock: Clock,
  prober: Prober,
  { guest, check }: ProbeWindow,
  stopped: AbortSignal,
): Promise<ProbeResult> {
  const over = new AbortController();
  const both = AbortSignal.any([stopped, over.signal]);
  const late = clock
    .sleep(check.timeout_ms, both)
    .then((): ProbeResult => ({ result: 'failed', error: `no answer within ${check.timeout_ms} ms` }));
  const asked = prober.probe(guest, check, both).catch(
    (error: unknown): ProbeResult => ({
      result: 'unavailable',
      error: error instanceof Error ? error.message : String(error),
    }),
  );
  const result = await Promise.race([asked, late]);
  over.abort();
  return result;
}

function probeEvent(
  result: ProbeResult,
  window: { run: number; revision: number },
): Extract<Unstamped<ObservationEvent>, { type: `probe.${string}` }> {
  if (result.result === 'passed') return { type: 'probe.passed', window };
  return { type: `probe.${result.result}`, window, error: result.error.slice(0, ERROR_MAX_CHARS) };
}

/** What a reading tells a chart that stands where this one does; nothing when it knows already. */
function activityEvents(
  reading: ActivityReading,
  run: number,
  { value, context }: ChartSnapshot,
): Unstamped<ObservationEvent>[] {
  const state = stateOf(value, 'standby');
  if (reading.observer === 'lost') {
    return state === 'blind' ? [] : [{ type: 'observer.lost', error: reading.error.slice(0, ERROR_MAX_CHARS) }];
  }
  if (context.standby.observer === 'lost') return [{ type: 'observer.restored' }];
  const { connections } = reading;
  if (connections > 0) return state === 'active' ? [] : [{ type: 'traffic.active', run, connections }];
  return state === 'active' ? [{ type: 'traffic.idle', run }] : [];
}
