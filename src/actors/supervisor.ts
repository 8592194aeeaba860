import type { Definition } from '../../machines/definition.ts';
import type { Command, ExternalEvent, HostMode, Unstamped } from '../../machines/events.ts';
import type { Cause, InstanceRecord } from '../../machines/record.ts';
import type { ChartSnapshot } from '../../machines/step.ts';
import type { AddressPool } from './address-pool.ts';
import type { CapacityLimits } from './capacity.ts';
import type { ActivitySource, ActivityView } from './contracts/activity.ts';
import type { Clock, Random } from './contracts/clock.ts';
import type { Hooks } from './contracts/hooks.ts';
import type { Hypervisor } from './contracts/hypervisor.ts';
import type { Log, Position } from './contracts/log.ts';
import type { Network } from './contracts/network.ts';
import type { Prober } from './contracts/probe.ts';
import type { ProbeReadings } from './contracts/probe-readings.ts';
import type { Telemetry } from './contracts/telemetry.ts';
import type { FaultInjector } from './fault-points.ts';
import type { PortRange } from './host-ledger.ts';
import type { CapacityView, HostChange } from './host-life.ts';
import type { ProbingStatus } from './probing/probe-scheduler.ts';
import type { RestartLimit } from './restart-budget.ts';

/**
 * The runtime as the doors see it. Doors can construct commands only; everything else enters from adapters.
 * `createSupervisor` (create-supervisor.ts) makes one.
 */

export type CreateCommand = Extract<Command, { type: 'create' }>;
/** A command on an existing instance, without what the runtime adds. */
export type InstanceCommand = Unstamped<Exclude<Command, { type: 'create' }>>;

/** Who sends a command, through which door, and under which id. */
export interface CommandMeta {
  readonly actor: string;
  readonly via: Cause['via'];
  /** The client's id; the same id with the same digest is answered from the first one's record. */
  readonly commandId?: string;
  /** SHA-256 (hex) of the payload, verb and target included. */
  readonly digest?: string;
  readonly correlation?: string;
  readonly trace?: string;
}

export interface Acceptance {
  readonly id: string;
  /** The record of the command: durable. */
  readonly record: InstanceRecord;
  readonly position: Position;
  readonly definition: Definition;
  /** True when this answers a repetition of an earlier command. */
  readonly repeated: boolean;
}

/** A durable record on its way to the projections, with the definition it stands under. */
export interface Published {
  readonly record: InstanceRecord;
  readonly definition: Definition;
  readonly position: Position;
  /** False for heads read back at the start. */
  readonly live: boolean;
  /** The head behind it cannot be gone on from: what is shown of it does not stand in the log. */
  readonly setAside?: boolean;
}

export interface SupervisorOptions {
  readonly log: Log;
  readonly hypervisor: Hypervisor;
  /** Without it no instance is probed: a health check stays at `starting`. */
  readonly prober?: Prober;
  /** Without it nothing is known of traffic: no instance goes to standby by itself. */
  readonly activity?: ActivitySource;
  readonly clock: Clock;
  readonly random: Random;
  readonly ports?: PortRange;
  /** Ports of this host that others listen on right now: none of them is given to an instance that leaves them open. */
  readonly busyPorts?: () => ReadonlySet<number>;
  /** What the host has for VMs; without it nothing is limited. */
  readonly capacity?: CapacityLimits;
  /** Boots after a reboot of the host that may be under way at once. */
  readonly bootsAtOnce?: number;
  /** Guests that may be put away at once. */
  readonly standbyAtOnce?: number | undefined;
  /** Automatic restarts of all instances together in any stretch of time; without it they are not limited. */
  readonly restartLimit?: RestartLimit;
  /** Without it every hook fails as `hook_unknown`. */
  readonly hooks?: Hooks;
  /** Without it no instance can be bridged. */
  readonly addresses?: AddressPool;
  /** Without it a bridged instance cannot be booted. */
  readonly network?: Network;
  readonly faults?: FaultInjector;
  /** Without it nothing is measured. */
  readonly telemetry?: Telemetry;
  /** Infinity when the wall clock cannot step. */
  readonly clockLookMs?: number;
  /** How many instances at rest stay in memory. */
  readonly restingMax?: number;
  readonly report?: (problem: { instance: string | null; message: string; error?: unknown }) => void;
  /** Hears of every record, also of the heads at the start, in the order of each stream. */
  readonly onRecord?: (published: Published) => void;
}

export interface Supervisor {
  /** Throws StatevisorError; nothing was appended then. */
  create(
    definition: Definition,
    wanted: 'running' | 'stopped',
    meta: CommandMeta,
    /** The snapshot of another instance that it begins with: running, or asleep. */
    from?: CreateCommand['from'],
  ): Promise<Acceptance>;
  command(id: string, command: InstanceCommand, meta: CommandMeta): Promise<Acceptance>;
  /** Id by exact id, exact name, or unique prefix of an id, in that order. Throws not_found or ambiguous. */
  resolve(idOrNameOrPrefix: string): string;
  has(id: string): boolean;
  /** Records of one instance from `fromVersion` on, at most `limit`. */
  history(id: string, fromVersion: number, limit: number): Promise<InstanceRecord[]>;
  /** For adapters and simulations: an observation on its way into the mailbox of an instance. */
  observe(id: string, event: Unstamped<ExternalEvent>): void;
  /** Where an instance stands by its newest record, for questions about what would follow. */
  look(id: string): Promise<ChartSnapshot>;
  status(): SupervisorStatus;
  /** What probing knows beside the log. */
  readonly probeReadings: ProbeReadings;
  /** What is known of traffic beside the log. */
  activity(): ActivityView;
  /**
   * Resolves when the mode is durable in the stream of the host and the instances have been told; whoever could not be
   * told is told later, and after a crash at the next start. Throws StatevisorError: then the mode is what it was,
   * unless the error says that the outcome is unknown.
   */
  setMode(mode: HostMode, meta: CommandMeta): Promise<HostChange>;
  mode(): HostMode;
  /** How much of the host is taken, and who waits for it. */
  capacity(): CapacityView;
  /** Resolves when no letter is under way; effects may still run. */
  quiet(): Promise<void>;
  /** Stops deciding and lets VMs run on. Idempotent. */
  close(): Promise<void>;
}

/** The runtime as doors see it: they can construct commands and nothing else. */
export type CommandTaker = Omit<Supervisor, 'observe' | 'close' | 'quiet'>;

export interface SupervisorStatus {
  readonly instances: number;
  readonly resident: number;
  readonly timers: number;
  /** Letters that wait, in all and in the fullest mailbox. */
  readonly mailboxes: { readonly waiting: number; readonly fullest: number };
  readonly probing: ProbingStatus;
  readonly survives: Log['survives'];
}
