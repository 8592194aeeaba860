import type { EffectKind } from '../../../machines/effects.ts';
import type { EffectOutcome } from '../feed/effect-outcomes.ts';
import { messageWords, plainWords, spanWords } from './plain.ts';

/** What was asked of the world, and what came of it, in words. */

/** `prepare`, `boot of run 3`. */
const TABLE: { readonly [K in EffectKind]?: string } = {
  'instance.prepare': 'prepare',
  'instance.remove': 'remove files',
  'vmm.boot': 'boot',
  'vmm.restore': 'restore',
  'vmm.pause': 'pause',
  'vmm.resume': 'resume',
  'vmm.snapshot': 'snapshot',
  'vmm.shutdown': 'shutdown',
  'vmm.kill': 'kill',
  'vmm.inspect': 'look',
  'snapshot.drop': 'drop snapshot',
  'snapshot.copy': 'copy snapshot',
  'snapshot.fork': 'fork snapshot',
  'guest.set_clock': 'set the clock',
  'traffic.confirm': 'confirm idleness',
  'host.admit': 'admission by the host',
  'hook.run': 'hook',
  'effect.withdraw': 'withdraw what is under way',
};

export function effectName(kind: string): string {
  return (TABLE as Readonly<Record<string, string | undefined>>)[kind] ?? plainWords(kind);
}

export function effectWords(kind: string, run: number): string {
  return run === 0 ? effectName(kind) : `${effectName(kind)} of run ${run}`;
}

/**
 * Whether nothing recorded of its end means that it has not ended. A withdrawal has no end of its own; a snapshot is dropped
 * whatever becomes of the run, and the chart records nothing of what it need not know.
 */
export function tellsItsEnd(kind: string): boolean {
  return kind !== 'effect.withdraw' && kind !== 'snapshot.drop';
}

/** `boot done in 1.2s (v7)`; without an outcome it is still under way. */
export function outcomeWords(kind: string, outcome: EffectOutcome | undefined): string {
  if (outcome === undefined) return tellsItsEnd(kind) ? `${effectName(kind)} under way` : effectName(kind);
  const { ended, duration_ms, version, message } = outcome;
  return `${effectName(kind)} ${ENDS[ended]} ${spanWords(duration_ms)}${messageWords(message)} (v${version})`;
}

const ENDS: Readonly<Record<EffectOutcome['ended'], string>> = {
  done: 'done in',
  failed: 'failed after',
  withdrawn: 'withdrawn after',
  unknown: 'of unknown outcome after',
  run_ended: 'over, its run ended after',
  interrupted: 'interrupted by the end of the daemon, after',
};
