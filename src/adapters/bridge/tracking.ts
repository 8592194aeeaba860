import type { NetworkStatus } from '../../actors/contracts/network.ts';
import type { CommandRunner } from './command-runner.ts';
import { errorOf, failureOf, NetworkFailure } from './failure.ts';

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

/**
 * Of a connection that some rule exempts nothing is ever known, however long ago its last packet was. So it counts until
 * the tables are made anew, which the next start of the daemon does.
 */
export function refuseUntracked(packets: number): void {
  if (packets === 0) return;
  throw new NetworkFailure(
    'not_tracked',
    `a rule "notrack" of this host exempts traffic of guests (${packets} packets so far): ` +
      'take the bridge out of it, and start the daemon again',
  );
}

/**
 * What goes from guest to guest never leaves the bridge. `in_bridge`: the kernel tracks it there, where a rule asks for
 * it (nf_conntrack_bridge, which it loads by itself). `by_netfilter`: it has br_netfilter, which hands what goes through
 * a bridge that asks for it to the tables of IPv4 and IPv6. `not`: neither.
 */
export type BetweenGuests = 'in_bridge' | 'by_netfilter' | 'not';

/** Only checked, never done. */
export const IN_BRIDGE = [
  'add table bridge statevisor_check',
  'add chain bridge statevisor_check c { type filter hook prerouting priority 0 ; }',
  'add rule bridge statevisor_check c ct state new',
].join('; ');
/** There when the kernel has br_netfilter. */
export const BY_NETFILTER = '/proc/sys/net/bridge/bridge-nf-call-iptables';

/** Whether the kernel tells who talks to guests, beside the tables of the filter that make it look. */
export class KernelTracking {
  readonly #run: CommandRunner;
  #failure: string | null = null;
  /** Null until it was looked. */
  #between: BetweenGuests | null = null;

  constructor(run: CommandRunner) {
    this.#run = run;
  }

  /** How what goes from guest to guest is tracked. Looked at once: a module that is loaded later counts from the next start. */
  async between(): Promise<BetweenGuests> {
    this.#between ??= await this.#lookBetween();
    return this.#between;
  }

  /** Makes the kernel tell of all connections. True when it did not. `untracked`: packets of guests that it did not track. */
  async begin(untracked = 0): Promise<boolean> {
    try {
      const isNew = await this.#tellOfAll();
      refuseUntracked(untracked);
      this.#failure = null;
      return isNew;
    } catch (failure) {
      this.#failure = errorOf(failure).message;
      throw failure;
    }
  }

  status(): Pick<NetworkStatus, 'not_tracked' | 'tracks_between_guests'> {
    return { not_tracked: this.#failure, tracks_between_guests: this.#between !== null && this.#between !== 'not' };
  }

  async #lookBetween(): Promise<BetweenGuests> {
    if ((await this.#run('nft', ['--check', IN_BRIDGE])).status === 0) return 'in_bridge';
    return (await this.#run('cat', [BY_NETFILTER])).status === 0 ? 'by_netfilter' : 'not';
  }

  async #tellOfAll(): Promise<boolean> {
    const value = await readEvents(this.#run);
    if (value === EVENTS_ALL) return false;
    if (value === null) {
      throw new NetworkFailure('not_tracked', 'the kernel tells nothing of connections: load the module nf_conntrack');
    }
    await writeEvents(this.#run, EVENTS_ALL);
    return true;
  }
}
