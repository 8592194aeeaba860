import type { CountingRules, Protocol } from './counted-connections.ts';

/**
 * Who talks to guests: the connections from outside to each of them, as the kernel of the host tracks them, without
 * those that the policy of a guest leaves out.
 *
 * Promises every implementation keeps:
 * - A connection is a guest's when it is answered from one of the guest's addresses: `port` is the guest's port, `client`
 *   who opened it. What a guest opens itself is none of its connections.
 * - TCP counts in every state but NONE, TIME_WAIT and CLOSE; a state that is not known counts. UDP, and all else but ICMP,
 *   counts for as long as the kernel keeps its entry.
 * - Loss is told as `lost`, never hidden, and ends with a reading from a new dump of the table.
 * - Whatever is not known keeps a guest awake: no reading says 0 unless the table was read and events followed it since.
 */

export interface TrackedGuest {
  readonly instance: string;
  readonly run: number;
  /** All addresses it speaks under, IPv4 and IPv6, in canonical text; a hypervisor that tracks by itself needs none. */
  readonly addresses: readonly string[];
  /** Nothing else of it: another idle timeout is no reason to look anew, and to forget since when nobody talks to it. */
  readonly policy: CountingRules;
}

/** What is so now. `lost`: events were missed or the table cannot be read, so nothing is known. */
export type ActivityReading =
  | {
      readonly observer: 'in_order';
      readonly connections: number;
      /**
       * Since when there are none, or some, as far as is known: epoch ms, never in the future. Where there are none as
       * before, but since later, one came and went that nothing else tells of.
       */
      readonly since: number;
    }
  | { readonly observer: 'lost'; readonly error: string };

export interface Connection {
  readonly protocol: Protocol;
  readonly client: string;
  readonly client_port: number;
  /** Of the guest. */
  readonly port: number;
  /** The kernel's word for it, for people: `ESTABLISHED`. */
  readonly state: string;
}

/** Connections of one guest that are named one by one; the rest is only counted. */
export const CONNECTIONS_LISTED_MAX = 32;

export interface ConnectionsView {
  readonly connections: number;
  /** At most CONNECTIONS_LISTED_MAX of them. */
  readonly listed: readonly Connection[];
}

/** What a source says of itself without looking. The counts are of this process. */
export interface ObserverStatus {
  readonly mode: 'netlink' | 'conntrack' | 'procfs' | 'simulated';
  readonly state: 'in_order' | 'lost' | 'unsupported';
  readonly error: string | null;
  /** Entries of the kernel's table at the last dump. */
  readonly entries: number;
  readonly events: number;
  /** Times events were missed. */
  readonly losses: number;
  /** Messages that could not be understood. */
  readonly garbage: number;
  readonly resyncs: number;
  readonly dumps: number;
  readonly last_dump_ms: number | null;
  /** Epoch ms. */
  readonly last_dump_at: number | null;
}

export interface ActivitySource {
  /**
   * Tells a first reading from a dump, soon, and then one for every change of it. Returns the way to stop watching:
   * nothing is told after it was called.
   */
  watch(guest: TrackedGuest, tell: (reading: ActivityReading) => void): () => void;
  /**
   * Reads the table in a dump that began after this call and never answers from memory. One dump serves all who asked
   * before it began. It settles by its own time limit.
   */
  confirm(guest: TrackedGuest): Promise<ActivityReading>;
  /** As of the newest event; undefined while the instance is not watched. It answers at once. */
  connectionsOf(instance: string): ConnectionsView | undefined;
  status(): ObserverStatus;
  /**
   * Removes the kernel's entries to these addresses: those of a former guest. From `before` on, epoch ms, nothing is removed
   * any more, however late the question arrives: it would be a connection to the next guest, which may sleep then although
   * somebody is connected to it. Rejects when the removal is not certain.
   */
  forget(addresses: readonly string[], before: number): Promise<void>;
  close(): Promise<void>;
}

/** What is known of traffic beside the log, for views. */
export interface StandbyReadings {
  /** The newest reading; null before the first, and while the instance is not tracked. */
  readonly reading: ActivityReading | null;
  /** Undefined while the instance is not tracked. */
  readonly connections: ConnectionsView | undefined;
}

export interface ActivityView {
  /** Null when this daemon has no source: nothing is known of any traffic. */
  readonly observer: ObserverStatus | null;
  /** As it is now. It answers at once. */
  standbyReadings(instance: string): StandbyReadings;
}
