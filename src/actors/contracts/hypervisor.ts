import type { Attachment } from './network.ts';

/**
 * One hypervisor: how runs of instances are started, watched and ended. A run is one life of a VMM process.
 *
 * Promises every implementation keeps (test/contracts/hypervisor.contract.ts runs over each of them):
 * - A run is booted at most once: its directory (or journal entry) is taken exclusively before the spawn, so a second
 *   `boot` of the same run never starts a second VMM; it answers `unknown` and `inspect` tells the truth.
 * - Right before each irreversible call (spawn, quit, kill), in the same tick, the operation asks
 *   `control.stillWanted()`; when that says no, or `control.signal` fired, it does nothing and answers `withdrawn`.
 * - Every operation settles: by its own named time limits, and soon after `control.signal` fires.
 * - Operations on a run that has already ended are harmless: `kill` and `shutdown` answer `done` with `ended` set.
 * - VMMs outlive this process. `inspect` finds them again and `adopt` resumes observing them. The end of a run that
 *   happened meanwhile is told by `inspect` with its reason, as far as it can be known; else reason `unknown`.
 * - Every end of an adopted or booted run is observed exactly once per `adopt`/`boot`, as `vmm.exited`.
 * - A guest reboot stays in the same run (`guest.rebooted`).
 * - A snapshot is there complete or not at all: half-written ones are never listed, copied or restored. One that is
 *   damaged is refused by one of SNAPSHOT_ERRORS, `failed`, and left as it is.
 * - A restore consumes its snapshot in the moment its guest is let go, neither before nor after. A VMM whose guest was
 *   not let go, because the restore failed or its daemon died, is ended: its run is `none`, and the snapshot is there.
 */

export interface RunRef {
  readonly instance: string;
  readonly run: number;
}

export interface PortForward {
  /** Port on the host's loopback address. */
  readonly host_port: number;
  readonly guest_port: number;
}

/** How the guest is reached: not at all, at ports of the host, or at an address of its own behind a tap that is there. */
export type RunNetwork =
  | { readonly mode: 'none' }
  | { readonly mode: 'user'; readonly ports: readonly PortForward[] }
  | ({ readonly mode: 'bridge' } & Attachment);

export interface RunSpec extends RunRef {
  readonly name: string;
  /** Name of an image in the image store. */
  readonly image: string;
  readonly vcpus: number;
  readonly memory_bytes: number;
  readonly network: RunNetwork;
}

/** Why a run ended. `power_off`: the guest turned itself off. `killed`: a signal from outside. `crashed`: the VMM failed. */
export type EndReason = 'power_off' | 'reset' | 'panic' | 'killed' | 'crashed' | 'quit' | 'host_reboot' | 'unknown';

export interface RunEnd {
  readonly reason: EndReason;
  /** Exit code the workload reported through the guest (128 + n for signal n); null when not known. */
  readonly code: number | null;
  readonly message: string | null;
  /** Epoch ms; null when not known. */
  readonly ended_at: number | null;
}

export type Reality =
  | { readonly reality: 'none' }
  | { readonly reality: 'starting' }
  | { readonly reality: 'running'; readonly ready: boolean; readonly rebooted?: boolean }
  | { readonly reality: 'paused' }
  | ({ readonly reality: 'ended' } & RunEnd)
  | { readonly reality: 'unreachable'; readonly message: string }
  | { readonly reality: 'other_run'; readonly run: number };

/** What an operation is given: its identity, its withdrawal, and the last question before anything irreversible. */
export interface EffectControl {
  /** `<stream>/<version>/<n>`. */
  readonly effect: string;
  readonly signal: AbortSignal;
  readonly stillWanted: () => boolean;
}

export interface OperationError {
  /** Stable, snake_case, for example `hypervisor_missing`, `image_not_found`, `spawn_failed`, `timed_out`. */
  readonly code: string;
  /** A sentence that is safe to show. */
  readonly message: string;
}

/**
 * How one operation ended. `failed`: certainly without the effect (after a failed boot or restore no VMM of that run
 * exists). `unknown`: it cannot be told; ask `inspect`. `ended`: the run was seen to have ended.
 */
export type Outcome<T = null> =
  | { readonly outcome: 'done'; readonly result: T; readonly ended?: RunEnd }
  | { readonly outcome: 'failed'; readonly error: OperationError; readonly ended?: RunEnd }
  | { readonly outcome: 'withdrawn' }
  | { readonly outcome: 'unknown'; readonly error: OperationError };

export type Observation =
  | ({ readonly type: 'vmm.exited' } & RunRef & RunEnd)
  | ({ readonly type: 'guest.ready'; readonly occurred_at: number } & RunRef)
  | ({ readonly type: 'guest.rebooted'; readonly occurred_at: number } & RunRef);

export interface BootResult {
  readonly pid: number | null;
  /** For people: `qemu/tcg`, `qemu/kvm`, `simulator`. */
  readonly accelerator: string;
}

/** `console`: what the guest writes. `vmm`: what the VMM says about itself. */
export type RunLogSource = 'console' | 'vmm';

/** Names a place in one log of one run, also for a later daemon. Opaque; RUN_LOG_BEGINNING is the place of its first byte. */
export type RunLogCursor = string;
export const RUN_LOG_BEGINNING: RunLogCursor = '0';
export const RUN_LOG_BYTES_MIN = 16;

/** A stretch of a log: whole characters, not always whole lines. */
export interface RunLogPiece {
  readonly text: string;
  /** Where to read on. The same as was asked for exactly when there is nothing more yet. */
  readonly next: RunLogCursor;
  /** Something between the cursor asked for and this piece is not kept any more. */
  readonly gap: boolean;
}

export interface SnapshotRef {
  /** Name of a snapshot of this instance in the hypervisor's own store. */
  readonly snapshot: string;
}

export interface SnapshotPlace extends SnapshotRef {
  readonly instance: string;
}

export interface NewSnapshot extends SnapshotRef {
  /**
   * The run is to end with this snapshot, so the memory of the guest is not copied but goes into it. If the run is resumed
   * after all, the snapshot is gone. Without it the snapshot is whole by itself, and the run may go on.
   */
  readonly takes_memory?: boolean;
}

export interface CopiedSnapshot extends SnapshotRef {
  /**
   * A guest is to be restored from this copy itself, and not from a copy of it: the room of its memory on the disk is taken
   * at once, or the copy fails with `disk_full`; and where it is known that nothing here could be restored from it, the copy
   * is refused as the restore would be. One that is only kept takes no more than it needs.
   */
  readonly to_run_on?: boolean;
}

export interface SnapshotListing extends SnapshotRef {
  /** What it takes of the disk; memory that a living run still has is counted here too. */
  readonly bytes: number;
  /** Epoch ms; null when it cannot be read. */
  readonly taken_at: number | null;
}

/** Why a snapshot is refused: nothing of that name; parts missing or cut; altered; not of this VMM and machine; its memory altered. */
export const SNAPSHOT_ERRORS = [
  'snapshot_missing',
  'snapshot_incomplete',
  'snapshot_altered',
  'snapshot_mismatch',
  'memory_altered',
] as const;
export type SnapshotErrorCode = (typeof SNAPSHOT_ERRORS)[number];

/** The guest has an agent, and it does not answer: whatever runs there is not the guest that was saved. */
export const AGENT_UNANSWERED = 'agent_unanswered';

export interface ClockSet {
  /** How far the guest's clock was behind (ahead: negative); null: the guest has no agent, and its clock is as it was. */
  readonly drift_ms: number | null;
}

export interface Hypervisor {
  readonly name: 'qemu' | 'cloud-hypervisor' | 'simulator';
  /** Whether pause, snapshot, resume and restore work; without it they answer `failed` with code `not_supported`. */
  readonly snapshots: boolean;
  /**
   * Is the image there and usable, with so much memory? Null when it is, else why not (`image_not_found`, `image_not_ready`,
   * `memory_too_small`).
   */
  checkImage(image: string, memoryBytes: number): Promise<OperationError | null>;
  inspect(ref: RunRef): Promise<Reality>;
  /** Done as soon as the VMM runs; readiness follows as `guest.ready`. Observes the run from then on. */
  boot(spec: RunSpec, control: EffectControl): Promise<Outcome<BootResult>>;
  /**
   * Starts a run from a snapshot, which is verified first and consumed. Done when the guest runs; it has the network identity of
   * `spec` by then, also when the snapshot is of another instance (a fork).
   */
  restore(spec: RunSpec, from: SnapshotRef, control: EffectControl): Promise<Outcome<BootResult>>;
  pause(ref: RunRef, control: EffectControl): Promise<Outcome>;
  resume(ref: RunRef, control: EffectControl): Promise<Outcome>;
  /** Saves a paused guest (else `failed`, `not_paused`), in place of an earlier snapshot of that name. It stays paused. */
  snapshot(ref: RunRef, as: NewSnapshot, control: EffectControl): Promise<Outcome>;
  /** Idempotent. */
  dropSnapshot(instance: string, snapshot: SnapshotRef): Promise<Outcome>;
  /** A copy of a snapshot that is in order, under another name, in place of an earlier one of that name. */
  copySnapshot(instance: string, from: SnapshotRef, as: CopiedSnapshot, control: EffectControl): Promise<Outcome>;
  /** The same for another instance, whose run it will be restored as: always a copy to run on. */
  forkSnapshot(source: SnapshotPlace, to: SnapshotPlace, control: EffectControl): Promise<Outcome>;
  /** The snapshots of an instance, by name; damaged ones too. */
  listSnapshots(instance: string): Promise<readonly SnapshotListing[]>;
  /**
   * Sets the clock of a running guest to `at` (epoch ms, now) through its agent. Fails with AGENT_UNANSWERED when the guest
   * has an agent that does not answer.
   */
  setClock(ref: RunRef, at: number, control: EffectControl): Promise<Outcome<ClockSet>>;
  /** Asks the guest to power off. Done when the request was delivered; the end follows as `vmm.exited`. */
  shutdown(ref: RunRef, control: EffectControl): Promise<Outcome>;
  /** Ends the VMM by force. Done only when it is certainly gone, with `ended`. */
  kill(ref: RunRef, control: EffectControl): Promise<Outcome>;
  /** Observes a run that this process did not start, if it is alive. Idempotent; answers the present reality. */
  adopt(ref: RunRef): Promise<Reality>;
  /** Removes every file of an instance. Refused (`failed`, `still_running`) while a VMM of it lives. Idempotent. */
  remove(instance: string): Promise<Outcome>;
  /**
   * What a log of a run holds from a cursor on, or (null) its end: at most `maxBytes` bytes, which are at least
   * RUN_LOG_BYTES_MIN. '' when there is none. A log keeps only its newest part: what is older is passed over with `gap`.
   */
  readLog(ref: RunRef, source: RunLogSource, from: RunLogCursor | null, maxBytes: number): Promise<RunLogPiece>;
  /** Observations since registration; several listeners are allowed. Returns the way to stop listening. */
  observe(listener: (observation: Observation) => void): () => void;
  /** Stops observing and frees handles. VMMs go on. */
  close(): Promise<void>;
}
