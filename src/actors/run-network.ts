import type { Definition } from '../../machines/definition.ts';
import type { ActivitySource } from './contracts/activity.ts';
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

/** All addresses that a guest speaks under; none unless it is bridged. */
export function addressesOf(_network: Network | undefined, wanted: Definition['network'] | undefined): string[] {
  return wanted?.mode === 'bridge' && wanted.address !== null ? [wanted.address] : [];
}

/**
 * The connections of a guest that shares the addresses of its host cannot be told from those of the host: it is not
 * watched, which keeps it awake. Simulated guests are known by name.
 */
export function isWatchable(activity: ActivitySource | undefined, addresses: readonly string[]): boolean {
  return activity !== undefined && (addresses.length > 0 || activity.status().mode === 'simulated');
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
