import type { Definition } from '../../machines/definition.ts';
import type { OperationError, RunNetwork } from './contracts/hypervisor.ts';
import type { Network } from './contracts/network.ts';
import type { SupervisorOptions } from './supervisor.ts';

/** What a run's guest is connected to: made right before each boot, so that a boot never finds it missing. */

type Connected = { readonly network: RunNetwork } | { readonly error: OperationError };

export async function connectRun(
  network: Network | undefined,
  instance: string,
  wanted: Definition['network'],
  signal: AbortSignal,
): Promise<Connected> {
  if (!wanted.enabled) return { network: { mode: 'none' } };
  if (wanted.mode !== 'bridge') return { network: { mode: 'user', ports: wanted.ports } };
  const { address, mac } = wanted;
  if (network === undefined || address === null || mac === null) {
    return { error: { code: 'not_supported', message: 'this daemon was started without --bridge' } };
  }
  const attached = await network.attach({ instance, address, mac }, signal);
  return 'error' in attached ? attached : { network: { mode: 'bridge', ...attached.attachment } };
}

/** At the start, before anything boots: what a former daemon left behind goes, what is missing comes back. */
export async function reconcileNetwork(
  { network, addresses, report }: Pick<SupervisorOptions, 'network' | 'addresses' | 'report'>,
  isKnown: (instance: string) => boolean,
): Promise<void> {
  const done = await network?.reconcile(() => ({ leases: addresses?.leases() ?? [], isKnown }));
  if (done !== undefined && 'error' in done) {
    const { code, message } = done.error;
    report?.({ instance: null, message: `The network could not be put in order (${code}): ${message}` });
  }
}
