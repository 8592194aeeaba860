import type { Definition } from '../../../machines/definition.ts';
import type { ObservationEvent, Unstamped } from '../../../machines/events.ts';
import type { AddressPool } from '../address-pool.ts';
import type { ActivitySource } from '../contracts/activity.ts';
import type { Clock } from '../contracts/clock.ts';
import type { Network } from '../contracts/network.ts';
import { safeSentence } from '../contracts/safe-sentence.ts';
import type { Telemetry } from '../contracts/telemetry.ts';
import { addressesOf, type GuestAsked, trackedGuest } from './tracked-guest.ts';

/** What effects ask of the source of traffic. */

export interface TrafficOperators {
  readonly activity: ActivitySource | undefined;
  readonly network?: Network | undefined;
  readonly addresses?: AddressPool | undefined;
  readonly clock: Clock;
  readonly telemetry?: Telemetry | undefined;
}

/** A boot waits no longer for the entries of a former guest to be removed, and none is removed after that. */
export const FORGET_MAX_MS = 2_000;

/** Idle only when the table was read after this call and holds no connection that counts. */
export async function confirmIdle(
  operators: TrafficOperators,
  asked: GuestAsked,
): Promise<Unstamped<ObservationEvent>> {
  const event = await readTable(operators, asked);
  operators.telemetry?.trafficConfirmed(ANSWERS[event.type]);
  return event;
}

type Confirmed = Extract<
  Unstamped<ObservationEvent>,
  { type: 'traffic.active' | 'traffic.confirmed_idle' | 'traffic.unconfirmed' }
>;

const ANSWERS = {
  'traffic.confirmed_idle': 'idle',
  'traffic.active': 'active',
  'traffic.unconfirmed': 'unconfirmed',
} as const satisfies Record<Confirmed['type'], string>;

async function readTable(operators: TrafficOperators, asked: GuestAsked): Promise<Confirmed> {
  const { run } = asked;
  const unconfirmed = (error: string): Confirmed => ({ type: 'traffic.unconfirmed', run, error: safeSentence(error) });
  try {
    const guest = trackedGuest(operators, asked);
    if (guest === null) return unconfirmed('Nothing watches the traffic of this instance.');
    const reading = await operators.activity!.confirm(guest);
    if (reading.observer === 'lost') return unconfirmed(reading.error);
    const { connections } = reading;
    return connections > 0 ? { type: 'traffic.active', run, connections } : { type: 'traffic.confirmed_idle', run };
  } catch (error) {
    return unconfirmed(error instanceof Error ? error.message : String(error));
  }
}

/**
 * Before a guest comes up under addresses that another may have had: entries of that one's connections would keep the
 * new one awake for hours. A guest that slept goes on with its own connections, so nothing is removed for it. What cannot
 * be removed only keeps a guest awake: it comes up all the same.
 */
export async function forgetFormer(operators: TrafficOperators, wanted: Definition['network']): Promise<void> {
  const { activity, network, clock, telemetry } = operators;
  if (activity === undefined || wanted.mode !== 'bridge') return;
  let outcome: 'done' | 'timed_out' | 'failed' = 'failed';
  const settled = new AbortController();
  const late = clock.sleep(FORGET_MAX_MS, settled.signal).then(() => 'timed_out' as const);
  try {
    const before = clock.now() + FORGET_MAX_MS;
    const forgotten = activity.forget(addressesOf(network, wanted), before).then(() => 'done' as const);
    outcome = await Promise.race([forgotten, late]);
  } catch {
    // It is counted as failed.
  } finally {
    settled.abort();
  }
  telemetry?.trafficForgotten(outcome);
}
