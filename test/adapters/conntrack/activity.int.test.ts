import { afterAll, describe } from 'vitest';
import type { ConntrackOptions } from '../../../src/adapters/conntrack/conntrack.ts';
import { type ActivityCheck, activityContract, briefChecks } from '../../contracts/activity.contract.ts';
import { lossChecks, removalChecks } from '../../contracts/activity-loss.contract.ts';
import { kernelWorlds } from './kernel.world.ts';

const LIMIT_MS = 30_000;
const POLL_MS = 50;

function keptBy(kind: string, options: Partial<ConntrackOptions>, without: readonly ActivityCheck[] = []): void {
  describe(kind, () => {
    const { make, close } = kernelWorlds(options);
    afterAll(close);
    activityContract(kind, { make, limitMs: LIMIT_MS, without });
  });
}

keptBy('the kernel over netlink', { modes: ['netlink'] });
keptBy('the kernel through the tool conntrack', { modes: ['conntrack'] });
// Reading a file tells of no events, nor of what came and went between two reads, and removes no entries.
keptBy('the kernel through a file', { modes: ['procfs'], recheckMs: POLL_MS }, [
  ...briefChecks,
  ...lossChecks,
  ...removalChecks,
]);
