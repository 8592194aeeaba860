import type {
  ActivityReading,
  ConnectionsView,
  ObserverStatus,
  TrackedGuest,
} from '../../actors/contracts/activity.ts';
import type { Mode } from './kernel-table.ts';

/** What the daemon and its collector say to each other, over the channel between parent and child. */

/** The only argument of the collector's program, as JSON. */
export interface CollectorSettings {
  readonly ignored_sources: readonly string[];
  readonly receive_buffer_bytes: number;
  readonly recheck_ms: number;
  /** Ways to read the table, in the order in which they are tried. */
  readonly modes: readonly Mode[];
}

export type ToCollector =
  | { readonly kind: 'watch'; readonly watch: number; readonly guest: TrackedGuest }
  | { readonly kind: 'unwatch'; readonly watch: number }
  | { readonly kind: 'confirm'; readonly ask: number; readonly guest: TrackedGuest }
  | {
      readonly kind: 'forget';
      readonly ask: number;
      readonly addresses: readonly string[];
      /** Epoch ms: nothing is removed from then on. */
      readonly before: number;
    };

export interface WatchReading extends ConnectionsView {
  readonly watch: number;
  readonly since: number;
}

export type FromCollector =
  | { readonly kind: 'status'; readonly status: ObserverStatus }
  /** Of every guest, until it is in `readings` again. */
  | { readonly kind: 'lost'; readonly error: string; readonly status: ObserverStatus }
  | { readonly kind: 'readings'; readonly readings: readonly WatchReading[]; readonly status: ObserverStatus }
  | {
      readonly kind: 'confirmed';
      readonly ask: number;
      readonly reading: ActivityReading;
      readonly status: ObserverStatus;
    }
  | { readonly kind: 'forgotten'; readonly ask: number; readonly error: string | null };
