import { systemClock } from '../../../src/actors/clock.ts';
import { openMonitor, queryStatus } from '../../../src/adapters/qemu/monitor.ts';
import { untilTrue } from '../../contracts/hypervisor.world.ts';

const LIMIT_MS = 10_000;

/** What a guest leaves behind that resets in the very moment in which it is paused; nobody else has its monitor open. */
export async function resetWhilePaused(runDirectory: string): Promise<void> {
  const monitor = await openMonitor(runDirectory, systemClock(), { onEvent: () => {}, onClose: () => {} });
  await monitor.execute('system_reset', LIMIT_MS);
  await untilTrue(async () => (await queryStatus(monitor)) === 'prelaunch', 'the reset is over');
  monitor.close();
}
