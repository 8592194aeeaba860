import type { CommandRunner } from './command-runner.ts';
import { failureOf, NetworkFailure } from './failure.ts';

/**
 * Whether the kernel tells of every change of a connection. By default it does so only for connections that began while
 * somebody listened: after a restart of the daemon the ends of older ones would go untold.
 */

export const EVENTS_SETTING = '/proc/sys/net/netfilter/nf_conntrack_events';
/** Tell of all connections. */
export const EVENTS_ALL = '1';

/** Null when the kernel has no such setting: it tracks nothing (the module is not loaded), or it tells of nothing. */
export async function readEvents(run: CommandRunner): Promise<string | null> {
  const ran = await run('cat', [EVENTS_SETTING]);
  if (ran.status === 0) return ran.stdout.trim();
  if (/no such file/i.test(ran.stderr)) return null;
  throw failureOf('cat', ran);
}

export async function writeEvents(run: CommandRunner, value: string): Promise<void> {
  const ran = await run('tee', [EVENTS_SETTING], `${value}\n`);
  if (ran.status === 0) return;
  throw new NetworkFailure(
    'not_tracked',
    'the kernel does not tell of all connections of guests, and this daemon may not ask it to: ' +
      'set the sysctl net.netfilter.nf_conntrack_events to 1',
  );
}

/** Makes the kernel tell of all connections. True when it did not. */
export async function tellOfAll(run: CommandRunner): Promise<boolean> {
  const value = await readEvents(run);
  if (value === EVENTS_ALL) return false;
  if (value === null) {
    throw new NetworkFailure('not_tracked', 'the kernel tells nothing of connections: load the module nf_conntrack');
  }
  await writeEvents(run, EVENTS_ALL);
  return true;
}
