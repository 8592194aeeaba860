import type { Clock } from '../../actors/contracts/clock.ts';
import type {
  Attached,
  KnownInstances,
  Lease,
  Network,
  NetworkError,
  NetworkStatus,
  Reconciled,
  Tracking,
} from '../../actors/contracts/network.ts';
import { refuseTakenAddress } from './address-check.ts';
import {
  bridgeLines,
  enslaveLines,
  forgetLines,
  isOwnBridge,
  neighbourLines,
  ownTaps,
  refuseForeignBridge,
  withoutIpv6,
} from './bridge-lines.ts';
import { checkHost } from './check.ts';
import { type CommandRunner, createCommandRunner } from './command-runner.ts';
import { errorOf, NetworkFailure } from './failure.ts';
import { ownTables, renewFilter, repairFilter, type TrackedSite } from './filter-repair.ts';
import { type Link, readLinks, readNeighbours, runBatch } from './links.ts';
import { tapAlias, tapMac, tapName } from './marks.ts';
import { admitGuest, dismissGuest, findTable, removeTables } from './packet-filter.ts';
import { addressesOf, attachmentOf, isInside, probeAddressOf, type Site } from './site.ts';
import { KernelTracking, writeEvents } from './tracking.ts';

export interface BridgeOptions extends Site {
  readonly clock: Clock;
  readonly run?: CommandRunner;
}

/** A bridge, taps and a packet filter of the Linux kernel, made with `ip` and `nft`. Needs CAP_NET_ADMIN. */
export function createBridgeNetwork(options: BridgeOptions): Network {
  return new BridgeNetwork(options);
}

class BridgeNetwork implements Network {
  readonly #site: Site;
  readonly #clock: Clock;
  readonly #run: CommandRunner;
  readonly #tracking: KernelTracking;
  /** Every lease this object has heard of: what a bridge that has to be made again must carry. */
  readonly #leases = new Map<string, Lease>();
  #last: Promise<unknown> = Promise.resolve();
  /** Whether the bridge was seen or made as it should be, the address for probes included. */
  #isMade = false;
  #repairs = 0;
  #leftoversRemoved = 0;
  #lastError: NetworkError | null = null;

  constructor({ clock, run = createCommandRunner(), ...site }: BridgeOptions) {
    this.#site = site;
    this.#clock = clock;
    this.#run = run;
    this.#tracking = new KernelTracking(run);
  }

  attach(lease: Lease, signal: AbortSignal): Promise<Attached> {
    return this.#next(async (): Promise<Attached> => {
      if (signal.aborted) throw new NetworkFailure('network_failed', 'withdrawn before it began');
      await this.#attach(lease);
      return { attachment: attachmentOf(lease, this.#site) };
    });
  }

  async detach(instance: string): Promise<NetworkError | null> {
    const done = await this.#next(async () => {
      const lease = this.#leases.get(instance);
      const links = await readLinks(this.#run);
      const tap = ownTaps(links, this.#site.owner).find((one) => one.instance === instance);
      if (tap !== undefined) await runBatch(this.#run, [`link delete dev ${tap.name}`]);
      if (lease !== undefined) await this.#forget(lease, links);
      this.#leases.delete(instance);
      return null;
    });
    return done === null ? null : done.error;
  }

  reconcile(known: () => KnownInstances): Promise<Reconciled> {
    return this.#next(async () => {
      const { leases, isKnown } = known();
      for (const lease of leases) this.#leases.set(lease.instance, lease);
      const links = await readLinks(this.#run);
      const repaired = await this.#repairBridge(links);
      const removed: string[] = [];
      for (const { name, instance } of ownTaps(links, this.#site.owner)) {
        if (isKnown(instance)) continue;
        await runBatch(this.#run, [`link delete dev ${name}`]);
        removed.push(name);
      }
      removed.push(...(await this.#forgetNeighbours(leases)));
      removed.push(...(await renewFilter(this.#run, await this.#trackedSite(), leases, isKnown)));
      await this.#tracking.begin().catch(() => undefined);
      this.#leftoversRemoved += removed.length;
      return { removed, repaired };
    });
  }

  keepTracking(): Promise<Tracking> {
    return this.#next(async (): Promise<Tracking> => {
      const { isRepaired, untracked } = await this.#repairFilter();
      const isTold = await this.#tracking.begin(untracked);
      return { tracking: isRepaired || isTold ? 'repaired' : 'kept' };
    });
  }

  addressesOf(address: string): readonly string[] {
    return addressesOf(address, this.#site);
  }

  probeAddress(): string | null {
    return this.#isMade ? probeAddressOf(this.#site, [...this.#leases.values()]) : null;
  }

  check(): Promise<readonly NetworkError[]> {
    const done = this.#last.then(() => checkHost(this.#run, this.#site));
    this.#last = done;
    return done;
  }

  async remove(): Promise<NetworkError | null> {
    const done = await this.#next(async () => {
      const { bridge, owner } = this.#site;
      const links = await readLinks(this.#run);
      refuseForeignBridge(links, this.#site);
      const { eventsBefore } = await ownTables(this.#run, this.#site);
      const taps = ownTaps(links, owner);
      const busy = taps.find((tap) => tap.hasCarrier);
      if (busy !== undefined) throw new NetworkFailure('in_use', `the guest of ${busy.instance} uses ${busy.name}`);
      const isThere = links.some((link) => link.name === bridge);
      const names = [...taps.map((tap) => tap.name), ...(isThere ? [bridge] : [])];
      await runBatch(
        this.#run,
        names.map((name) => `link delete dev ${name}`),
      );
      if (eventsBefore !== null) await writeEvents(this.#run, eventsBefore);
      await removeTables(this.#run);
      this.#isMade = false;
      return null;
    });
    return done === null ? null : done.error;
  }

  status(): NetworkStatus {
    const { bridge, range, gateway, range6, nat } = this.#site;
    const site = { bridge, range, gateway, range6, probe_address: this.probeAddress(), nat };
    const told = { repairs: this.#repairs, leftovers_removed: this.#leftoversRemoved, last_error: this.#lastError };
    return { ...site, ...this.#tracking.status(), ...told };
  }

  /**
   * One operation after the other; no more wait than there are instances, as each of them does one thing at a time. A
   * failure is its answer, and is shown until the next one goes well.
   */
  #next<T>(operation: () => Promise<T>): Promise<T | { readonly error: NetworkError }> {
    const done = this.#last.then(operation).then(
      (answer) => {
        this.#lastError = null;
        return answer;
      },
      (failure: unknown) => {
        const error = errorOf(failure);
        this.#lastError = error;
        return { error };
      },
    );
    this.#last = done;
    return done;
  }

  async #attach(lease: Lease): Promise<void> {
    const { owner, uid, range } = this.#site;
    const name = tapName(lease.instance);
    if (!isInside(range, lease.address)) {
      const message = `${lease.address} is not in ${range}: start the daemon with the range it was given from`;
      throw new NetworkFailure('out_of_range', message);
    }
    const links = await readLinks(this.#run);
    const present = links.find((link) => link.name === name);
    if (present !== undefined) refuseForeignTap(present, tapAlias(owner, lease.instance));
    if (present?.hasCarrier) throw new NetworkFailure('tap_busy', `another process has the tap ${name} open`);
    await this.#repairBridge(links);
    const { untracked } = await this.#repairFilter();
    // Guests run without it too; those who want to know who talks to them are told that it is not so.
    await this.#tracking.begin(untracked).catch(() => undefined);
    await refuseTakenAddress({ run: this.#run, clock: this.#clock, site: this.#site, links, lease });
    try {
      // The filter first: a tap is never up without it.
      await admitGuest(this.#run, this.#site, lease);
      await runBatch(this.#run, [
        ...(present === undefined ? [`tuntap add dev ${name} mode tap user ${uid}`] : []),
        `link set dev ${name} address ${tapMac(lease.mac)} alias ${tapAlias(owner, lease.instance)}${withoutIpv6()}`,
        ...enslaveLines(name, this.#site),
        ...neighbourLines(lease, this.#site),
      ]);
    } catch (failure) {
      if (present === undefined) await this.#undo(lease, name);
      throw failure;
    }
    this.#leases.set(lease.instance, lease);
  }

  /** What a failed attach has made goes again; what cannot be removed now is a leftover that the next start removes. */
  async #undo(lease: Lease, tap: string): Promise<void> {
    await runBatch(this.#run, [`link delete dev ${tap}`]).catch(() => undefined);
    await readLinks(this.#run)
      .then((links) => this.#forget(lease, links))
      .catch(() => undefined);
  }

  /** Neighbour entry and filter of a lease. */
  async #forget(lease: Lease, links: readonly Link[]): Promise<void> {
    const { bridge, owner } = this.#site;
    if (links.some((link) => link.name === bridge && isOwnBridge(link, owner))) {
      await runBatch(this.#run, forgetLines(lease, this.#site));
    }
    const { state } = await findTable(this.#run, 'bridge', owner, { full: false });
    if (state === 'ours') await dismissGuest(this.#run, this.#site, lease);
  }

  async #trackedSite(): Promise<TrackedSite> {
    return { ...this.#site, tracksPorts: (await this.#tracking.between()) === 'in_bridge' };
  }

  async #repairFilter(): ReturnType<typeof repairFilter> {
    const repaired = await repairFilter(this.#run, await this.#trackedSite(), [...this.#leases.values()]);
    if (repaired.isRepaired && this.#leases.size > 0) this.#repairs += 1;
    return repaired;
  }

  /** Makes the bridge as it should be, with the taps of every instance it had. Answers what had to be done. */
  async #repairBridge(links: readonly Link[]): Promise<string[]> {
    const { bridge, owner } = this.#site;
    refuseForeignBridge(links, this.#site);
    const taps = ownTaps(links, owner).filter((tap) => this.#leases.has(tap.instance));
    const bridgeWork = bridgeLines(links, this.#site, [...this.#leases.values()], await this.#tracking.between());
    const loose = taps.filter((tap) => tap.master !== bridge || !tap.isUp);
    if (bridgeWork.length === 0 && loose.length === 0) {
      this.#isMade = true;
      return [];
    }
    // A bridge that was down has lost its neighbour entries; one that is new never had any.
    const neighbours = taps.flatMap((tap) => neighbourLines(this.#leases.get(tap.instance)!, this.#site));
    await runBatch(this.#run, [
      ...bridgeWork,
      ...loose.flatMap((tap) => enslaveLines(tap.name, this.#site)),
      ...neighbours,
    ]);
    this.#isMade = true;
    if (taps.length > 0) this.#repairs += 1;
    return [...(bridgeWork.length > 0 ? [bridge] : []), ...loose.map((tap) => tap.name)];
  }

  /** Permanent entries on our bridge that no lease stands behind. */
  async #forgetNeighbours(leases: readonly Lease[]): Promise<string[]> {
    const { bridge } = this.#site;
    const leased = new Set(leases.flatMap(({ address }) => this.addressesOf(address)));
    const left = (await readNeighbours(this.#run, bridge)).filter(
      ({ dst, state }) => state.includes('PERMANENT') && !leased.has(dst),
    );
    await runBatch(
      this.#run,
      left.map(({ dst }) => `neigh delete ${dst} dev ${bridge}`),
    );
    return left.map(({ dst }) => dst);
  }
}

/** A tap that was made and not marked yet is ours: nobody else makes one of that name. */
function refuseForeignTap(link: Link, alias: string): void {
  const isUnfinished = link.alias === null && link.master === null && !link.isUp;
  if (link.kind === 'tap' && (link.alias === alias || isUnfinished)) return;
  throw new NetworkFailure('not_ours', `the device ${link.name} belongs to somebody else`);
}
