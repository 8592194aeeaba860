import { stateOf } from '../../machines/public-states.ts';
import type { Edge } from './laws.ts';

/** What the witness keeps of the memory of a guest that does not run. */

export interface Memory {
  /** `good`: it is on disk, and nobody is known to have let a guest run with it, or after it. */
  readonly is: 'none' | 'good' | 'spent';
  /** Somebody has said that it may go: a stop, a deletion, a restart, or a policy that ends the sleep. */
  readonly waived: boolean;
  /** A run is to take it up. */
  readonly restoring: boolean;
  /** That its guest has fallen asleep in it was told. */
  readonly told: boolean;
}

export const NO_MEMORY: Memory = { is: 'none', waived: false, restoring: false, told: false };
const SAVED: Memory = { ...NO_MEMORY, is: 'good' };

const says = ({ facts }: Edge['step'], type: string): boolean => facts.some((fact) => fact.type === type);

const WAIVES: readonly string[] = ['stop', 'delete', 'restart', 'timer.expiry', 'timer.max_asleep'];
const LIVES: readonly string[] = ['starting', 'running', 'paused'];
const UNBORN: readonly string[] = ['boot_failed', 'withdrawn'];

/** Another copy of a memory has taken the place of what was there. */
export const isCopied = ({ before, event }: Edge): boolean =>
  event.type === 'effect.done' &&
  (event.kind === 'snapshot.fork' ||
    (event.kind === 'snapshot.copy' && stateOf(before.value, 'lifecycle') === 'reverting'));

const isSaved = ({ before, event }: Edge): boolean =>
  event.type === 'effect.done' &&
  event.kind === 'vmm.snapshot' &&
  stateOf(before.value, 'lifecycle') === 'snapshotting';

/** Out of sight, or set aside, before its end was asked for: others may have let it go. */
const isLostEarly = ({ before, step }: Edge): boolean =>
  stateOf(before.value, 'lifecycle') === 'sealing' &&
  ['lost', 'quarantined'].includes(stateOf(step.next.value, 'lifecycle'));

/** Of a restore: its guest runs, or may have run. */
function letsGo({ event }: Edge): boolean {
  switch (event.type) {
    case 'effect.done':
      return event.kind === 'vmm.restore' || event.kind === 'vmm.boot';
    case 'vmm.exited':
      return !UNBORN.includes(event.reason);
    case 'vmm.found':
      return (
        LIVES.includes(event.found.reality) || (event.found.reality === 'ended' && !UNBORN.includes(event.found.reason))
      );
    default:
      return false;
  }
}

/** After an event, before what the chart made of it. */
export function memoryAfterEvent(memory: Memory, edge: Edge): Memory {
  if (!edge.step.accepted) return memory;
  if (isSaved(edge) || isCopied(edge)) return SAVED;
  if (isLostEarly(edge)) return { ...memory, is: 'spent' };
  if (WAIVES.includes(edge.event.type)) return { ...memory, waived: true };
  return memory.is === 'good' && memory.restoring && letsGo(edge) ? { ...memory, is: 'spent' } : memory;
}

/** After the chart's answer. */
export function memoryAfterStep(memory: Memory, { step }: Edge): Memory {
  if (says(step, 'instance.boot_requested')) return NO_MEMORY;
  const told = memory.told || says(step, 'standby.entered');
  const isLetGo = memory.is === 'good' && step.effects.some(({ kind }) => kind === 'vmm.resume');
  const now: Memory = { ...memory, told, is: isLetGo ? 'spent' : memory.is };
  if (says(step, 'instance.restore_requested')) return { ...now, restoring: true, waived: false };
  return !says(step, 'instance.restore_failed') ? now : { ...now, restoring: false };
}
