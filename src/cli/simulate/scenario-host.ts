import type { Hooks } from '../../actors/contracts/hooks.ts';
import type { SupervisorOptions } from '../../actors/supervisor.ts';
import type { ScenarioHost } from './scenario-schema.ts';

/** The host of a scenario: without a limit where the file names none. */
export function hostOf(
  given: ScenarioHost,
): Pick<SupervisorOptions, 'capacity' | 'bootsAtOnce' | 'standbyAtOnce' | 'restartLimit' | 'hooks'> {
  const unlimited = Number.POSITIVE_INFINITY;
  return {
    capacity: {
      memory_bytes: given.memory ?? unlimited,
      vcpus: given.vcpus ?? unlimited,
      disk_bytes: given.disk ?? unlimited,
      overcommit: { memory: 1, vcpus: 1, disk: 1 },
    },
    ...(given.boots_at_once === undefined ? {} : { bootsAtOnce: given.boots_at_once }),
    ...(given.standby_at_once === undefined ? {} : { standbyAtOnce: given.standby_at_once }),
    ...(given.restart_budget === undefined ? {} : { restartLimit: given.restart_budget }),
    hooks: { run: (call, { signal }) => runHook(given.hooks?.[call.hook], call.hook, signal) },
  };
}

/** `hang` goes on until it is withdrawn; then nobody can say what it has done. */
function runHook(
  fate: 'done' | 'fail' | 'hang' | undefined,
  hook: string,
  signal: AbortSignal,
): ReturnType<Hooks['run']> {
  switch (fate) {
    case 'done':
      return Promise.resolve({ outcome: 'done', result: null });
    case 'fail':
      return Promise.resolve({ outcome: 'failed', error: { code: 'hook_failed', message: `${hook} ended with 1` } });
    case 'hang':
      return new Promise((resolve) => {
        const error = { code: 'withdrawn', message: `${hook} was ended` };
        signal.addEventListener('abort', () => resolve({ outcome: 'unknown', error }), { once: true });
      });
    default: {
      const error = { code: 'hook_unknown', message: `This host has no hook ${hook}.` };
      return Promise.resolve({ outcome: 'failed', error });
    }
  }
}
