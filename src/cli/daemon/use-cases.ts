import type { Logger } from 'pino';
import type { Hypervisor } from '../../actors/contracts/hypervisor.ts';
import type { UseCaseOptions, UseCases } from '../../gateway/use-cases/contract.ts';
import { createLeftovers } from '../../gateway/use-cases/fork-leftovers.ts';
import { createUseCases } from '../../gateway/use-cases/use-cases.ts';

/** What the doors ask a hypervisor without a command. */
export function askedOf(hypervisor: Hypervisor): Pick<UseCaseOptions, 'checkImage' | 'readLog' | 'snapshotStore'> {
  const { checkImage, readLog } = hypervisor;
  return { checkImage, readLog, snapshotStore: hypervisor };
}

/** What the doors call. What forks of an earlier daemon have left with their sources is removed on the way. */
export function openUseCases(options: UseCaseOptions, logger: Logger): UseCases {
  const leftovers = createLeftovers(options);
  const useCases = createUseCases({ ...options, leftovers });
  const left = leftovers.dropAll();
  if (left > 0) logger.warn({ snapshots: left }, 'Snapshots that unfinished forks have left are being removed.');
  return useCases;
}
