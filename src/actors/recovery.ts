import type { PendingTimer } from '../../machines/record.ts';
import { SYSTEM_CAUSE } from '../../machines/record.ts';
import type { Clock } from './contracts/clock.ts';
import type { Hypervisor, Reality } from './contracts/hypervisor.ts';
import type { InstanceActor } from './instance-actor.ts';
import { reconcileNetwork } from './run-network.ts';
import type { SupervisorOptions } from './supervisor.ts';
import type { DueTimer } from './timer-heap.ts';

/**
 * After a start: reality first, then what is overdue, in the order in which it took effect. No effect is repeated;
 * each instance that waits on the world is told what was found, and its chart asks again for what it still needs.
 */

/** Instances whose reality is looked at side by side. */
export const INSPECTIONS_MAX = 32;

/** A hypervisor that does not answer for an instance by then is taken for unreachable: the chart asks again. */
export const INSPECTION_MAX_MS = 20_000;

export interface RecoveryOptions extends Pick<SupervisorOptions, 'network' | 'addresses'> {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  /** Whether an instance exists, at rest or not. */
  readonly isKnown: (instance: string) => boolean;
  readonly armTimer: (timer: DueTimer) => void;
  /** Called for each instance when it has dealt with its reality, whatever keeps the others waiting. */
  readonly onTold: (actor: InstanceActor) => void;
  readonly report: (problem: { instance: string | null; message: string; error?: unknown }) => void;
}

/** Resolves when every instance has been told about its reality; timers are armed from then on. */
export async function recover(actors: readonly InstanceActor[], options: RecoveryOptions): Promise<void> {
  // Not waited for: the network does one thing after the other, so whatever is booted from now on comes after it.
  const reconciled = reconcileNetwork(options, options.isKnown);
  const waiting = actors.values();
  const worker = async (): Promise<void> => {
    for (const actor of waiting) await recoverOne(actor, options);
  };
  await Promise.all(Array.from({ length: Math.min(INSPECTIONS_MAX, actors.length) }, worker));
  await reconciled;
}

export async function recoverOne(actor: InstanceActor, options: RecoveryOptions): Promise<void> {
  const { snapshot } = actor.head;
  const timers = [...actor.head.timers].sort((a, b) => a.due - b.due);
  if (snapshot.hasTag('has_run') || snapshot.hasTag('waits')) {
    const { run } = snapshot.context;
    const inPlace = snapshot.hasTag('has_run') && run.number > 0 && !run.ended;
    const found: Reality = inPlace ? await lookAt(actor, run.number, options) : { reality: 'none' };
    fireBefore(actor, timers, found, options.clock.now());
    const event = { type: 'vmm.found', run: run.number, found } as const;
    actor.deliver(event, SYSTEM_CAUSE, 'observation', () => options.onTold(actor));
  } else options.onTold(actor);
  for (const timer of dueTimersOf(actor)) options.armTimer(timer);
}

export function dueTimersOf({ id, head }: InstanceActor): DueTimer[] {
  return head.timers.map((timer) => ({ instance: id, ...timer }));
}

async function lookAt(
  actor: InstanceActor,
  run: number,
  { hypervisor, clock, report }: RecoveryOptions,
): Promise<Reality> {
  const answered = new AbortController();
  const late = clock.sleep(INSPECTION_MAX_MS, answered.signal).then((): Reality => {
    return { reality: 'unreachable', message: `the hypervisor did not answer within ${INSPECTION_MAX_MS} ms` };
  });
  try {
    return await Promise.race([hypervisor.adopt({ instance: actor.id, run }), late]);
  } catch (error) {
    report({ instance: actor.id, message: 'The hypervisor could not be asked.', error });
    return { reality: 'unreachable', message: error instanceof Error ? error.message : String(error) };
  } finally {
    answered.abort();
  }
}

/**
 * A timer that was due before a known end, or at its very instant, took effect before it: a stability window that was full
 * when the guest ended counts. When the end's time is unknown, life is not credited and the end comes first.
 */
function fireBefore(actor: InstanceActor, timers: readonly PendingTimer[], found: Reality, now: number): void {
  if (found.reality !== 'ended' || found.ended_at === null) return;
  for (const { name, due, armed } of timers) {
    if (due <= found.ended_at && due <= now) actor.deliver({ type: name, due, armed }, SYSTEM_CAUSE, 'timer');
  }
}
