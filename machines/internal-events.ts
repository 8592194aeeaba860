import type { EndReason, HeldReason, Purpose } from './events.ts';

/**
 * Events one region raises for the others within a single transition. They never cross a door and never stand in a
 * record: the record's event is the external one that set them off.
 */
export type InternalEvent =
  | { readonly type: 'run.began'; readonly at: number }
  | { readonly type: 'run.ready'; readonly at: number }
  /** The guest is about to be, or is being, taken out of running (stop, pause). */
  | { readonly type: 'run.leaving'; readonly at: number }
  | {
      readonly type: 'run.ended';
      readonly at: number;
      readonly planned: boolean;
      readonly failed: boolean;
      /** What the chart does next because somebody asked for it. */
      readonly next: 'rest' | 'boot' | 'delete' | 'standby' | 'wake';
      readonly reason: EndReason;
      readonly code: number | null;
    }
  | { readonly type: 'intent.changed'; readonly at: number }
  | {
      readonly type: 'definition.changed';
      readonly at: number;
      readonly up: boolean;
      readonly parts: readonly string[];
    }
  | { readonly type: 'boot.wanted'; readonly at: number; readonly cause: string }
  | { readonly type: 'restart.wanted'; readonly at: number; readonly cause: string }
  | { readonly type: 'standby.wanted'; readonly at: number }
  | { readonly type: 'standby.abandoned'; readonly at: number; readonly cause: string }
  | { readonly type: 'idle.confirmed'; readonly at: number }
  /** A standby that a schedule asks for. */
  | { readonly type: 'standby.scheduled'; readonly at: number }
  /** An operator wants the standby that is under way: connections no longer matter. */
  | { readonly type: 'standby.taken_over'; readonly at: number }
  /** Nothing calls the standby off any more: it is past its point of no return, or set aside. */
  | { readonly type: 'standby.settled'; readonly at: number }
  | { readonly type: 'sleep.began'; readonly at: number }
  | { readonly type: 'sleep.ended'; readonly at: number }
  /** Nobody has woken it for as long as its policy lets it sleep. */
  | { readonly type: 'sleep.limit_reached'; readonly at: number; readonly then: 'stop' | 'delete' }
  /** The host's answers to what the restart region has not asked. */
  | { readonly type: 'room.granted'; readonly at: number; readonly purpose: Purpose }
  | {
      readonly type: 'room.held';
      readonly at: number;
      readonly purpose: Purpose;
      readonly reason: HeldReason;
      readonly retry_at: number;
    }
  | { readonly type: 'hold.placed'; readonly at: number }
  | { readonly type: 'expiry.reached'; readonly at: number; readonly then: 'stop' | 'delete' }
  /** Automation may go on, or is held back from now on: the context says which. */
  | { readonly type: 'automation.changed'; readonly at: number; readonly by: 'mode' | 'intent' }
  /** Nobody will answer what the host was asked before the daemon ended. */
  | { readonly type: 'admission.lost'; readonly at: number }
  | { readonly type: 'verdict.asked'; readonly at: number }
  /** Somebody does without the automatic restart that is pending. */
  | { readonly type: 'restart.waived'; readonly at: number }
  /** Somebody opens a new window of restarts; `up`: the guest runs right now. */
  | { readonly type: 'window.wanted'; readonly at: number; readonly up: boolean }
  | { readonly type: 'instance.gone'; readonly at: number }
  | { readonly type: 'health.turned'; readonly at: number; readonly to: 'healthy' | 'unhealthy' };
