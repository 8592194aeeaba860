import type { Hypervisor } from '../../src/actors/contracts/hypervisor.ts';
import { wanted } from './hypervisor.world.ts';

/** How an honest hypervisor is made to lie. */
export type Twist = (honest: Hypervisor, isReopened: boolean) => Partial<Hypervisor>;

const DONE = { outcome: 'done', result: null } as const;

/** Lies about saving, keeping, copying and waking guests. */
export const liesOfSavers: readonly (readonly [
  lie: string,
  breaks: 'SLEEPS' | 'KEPT' | 'DAMAGED' | 'CLOCKS',
  twist: Twist,
])[] = [
  ['calls a guest saved that runs', 'SLEEPS', () => ({ snapshot: async () => DONE })],
  [
    'keeps a snapshot that a restore has consumed',
    'SLEEPS',
    (honest) => ({
      restore: async (spec, from, control) => {
        const kept = { snapshot: `${from.snapshot}-kept` };
        await honest.copySnapshot(spec.instance, from, kept, wanted());
        const outcome = await honest.restore(spec, from, control);
        await honest.copySnapshot(spec.instance, kept, from, wanted());
        await honest.dropSnapshot(spec.instance, kept);
        return outcome;
      },
    }),
  ],
  [
    'boots anew instead of restoring',
    'SLEEPS',
    (honest) => ({
      restore: async (spec, from, control) => {
        const outcome = await honest.boot(spec, control);
        await honest.dropSnapshot(spec.instance, from);
        return outcome;
      },
    }),
  ],
  [
    'lets a kept snapshot go when its run goes on',
    'KEPT',
    (honest) => ({ snapshot: (ref, as, control) => honest.snapshot(ref, { ...as, takes_memory: true }, control) }),
  ],
  [
    'keeps a snapshot whose memory went on with its run',
    'KEPT',
    (honest) => ({ snapshot: (ref, as, control) => honest.snapshot(ref, { ...as, takes_memory: false }, control) }),
  ],
  [
    'moves what it is to copy',
    'KEPT',
    (honest) => ({
      copySnapshot: async (instance, from, as, control) => {
        const outcome = await honest.copySnapshot(instance, from, as, control);
        await honest.dropSnapshot(instance, from);
        return outcome;
      },
    }),
  ],
  ['calls a fork done that was not', 'KEPT', () => ({ forkSnapshot: async () => DONE })],
  [
    'restores whatever there is',
    'DAMAGED',
    (honest) => ({
      restore: async (spec, from, control) => {
        const outcome = await honest.restore(spec, from, control);
        return outcome.outcome === 'failed' ? honest.boot({ ...spec, run: spec.run + 100 }, control) : outcome;
      },
    }),
  ],
  [
    'makes a copy to run on of a snapshot that cannot be restored here',
    'DAMAGED',
    (honest) => ({
      copySnapshot: async (instance, from, as, control) => {
        const outcome = await honest.copySnapshot(instance, from, as, control);
        const isSpread = outcome.outcome === 'failed' && as.to_run_on === true;
        return isSpread ? honest.copySnapshot(instance, { snapshot: 'sound' }, as, control) : outcome;
      },
    }),
  ],
  [
    'has one name for every damage',
    'DAMAGED',
    (honest) => ({
      restore: async (...given) => {
        const outcome = await honest.restore(...given);
        if (outcome.outcome !== 'failed') return outcome;
        return { ...outcome, error: { ...outcome.error, code: 'snapshot_altered' } };
      },
    }),
  ],
  [
    'drops what it refuses',
    'DAMAGED',
    (honest) => ({
      restore: async (spec, from, control) => {
        const outcome = await honest.restore(spec, from, control);
        if (outcome.outcome === 'failed') await honest.dropSnapshot(spec.instance, from);
        return outcome;
      },
    }),
  ],
  [
    'copies what was withdrawn',
    'DAMAGED',
    (honest) => ({ copySnapshot: (instance, from, as) => honest.copySnapshot(instance, from, as, wanted()) }),
  ],
  [
    'calls a clock set that was not',
    'CLOCKS',
    () => ({ setClock: async () => ({ outcome: 'done', result: { drift_ms: 0 } }) }),
  ],
  [
    'does not tell how far off a clock was',
    'CLOCKS',
    (honest) => ({
      setClock: async (...given) => {
        const outcome = await honest.setClock(...given);
        return outcome.outcome === 'done' ? { ...outcome, result: { drift_ms: null } } : outcome;
      },
    }),
  ],
];
