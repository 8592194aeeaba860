import type { Hypervisor, Observation, Outcome, Reality } from '../src/actors/contracts/hypervisor.ts';

const DONE: Outcome = { outcome: 'done', result: null };

/**
 * A hypervisor that answers at once and keeps nothing but what listeners are owed: what is measured above it is the
 * runtime and the log. Guests are ready as soon as they are booted and end as soon as they are asked to.
 */
export function instantHypervisor(): Hypervisor {
  const listeners = new Set<(observation: Observation) => void>();
  const tell = (observation: Observation): void => {
    for (const listener of listeners) listener(observation);
  };
  const started = async (ref: {
    instance: string;
    run: number;
  }): Promise<Outcome<{ pid: number; accelerator: string }>> => {
    queueMicrotask(() => tell({ type: 'guest.ready', instance: ref.instance, run: ref.run, occurred_at: 0 }));
    return { outcome: 'done', result: { pid: 1, accelerator: 'none' } };
  };
  const running: Reality = { reality: 'running', ready: true };
  const ended = { reason: 'power_off', code: 0, message: null, ended_at: null } as const;
  return {
    name: 'simulator',
    snapshots: true,
    checkImage: async () => null,
    inspect: async () => running,
    adopt: async () => running,
    boot: ({ instance, run }) => started({ instance, run }),
    restore: ({ instance, run }) => started({ instance, run }),
    pause: async () => DONE,
    resume: async () => DONE,
    snapshot: async () => DONE,
    dropSnapshot: async () => DONE,
    copySnapshot: async () => DONE,
    forkSnapshot: async () => DONE,
    listSnapshots: async () => [],
    setClock: async () => ({ outcome: 'done', result: { drift_ms: null } }),
    shutdown: async ({ instance, run }) => {
      queueMicrotask(() => tell({ type: 'vmm.exited', instance, run, ...ended }));
      return DONE;
    },
    kill: async () => ({ ...DONE, ended }),
    remove: async () => DONE,
    readLog: async () => ({ text: '', next: '0', gap: false }),
    observe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: async () => {},
  };
}
