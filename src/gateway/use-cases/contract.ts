import type { Cause } from '../../../machines/record.ts';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { Hypervisor, OperationError } from '../../actors/contracts/hypervisor.ts';
import type { CommandTaker } from '../../actors/supervisor.ts';
import type { Durations } from '../../projections/durations.ts';
import type { ReadableLog } from '../../projections/feed/readable-log.ts';
import type { InstanceReads } from '../../projections/instances.ts';
import type { AddressesOf } from '../../projections/network-view.ts';
import type { StandbyOutcomes } from '../../projections/standby-outcomes.ts';
import type { Timeline } from '../../projections/timeline.ts';
import type { WakefulnessAccount } from '../../projections/wakefulness.ts';
import type { Leftovers } from './fork-leftovers.ts';

/**
 * What every door offers: one implementation of each use case (use-cases.ts), told who calls. Input is parsed
 * JSON in snake_case, checked by src/gateway/requests/; commands and reads on one instance name it in `id`.
 */

/** What a token may do. `admin` includes `operate`, which includes `read`. */
export type Scope = 'read' | 'operate' | 'admin';
export const SCOPES: readonly Scope[] = ['read', 'operate', 'admin'];

export interface Caller {
  /** The token's name: stands in the records as the actor. */
  readonly actor: string;
  readonly via: Cause['via'];
  readonly scopes: readonly Scope[];
  /** `Idempotency-Key` = `Nats-Msg-Id`: the same id with the same input is answered from the first one's record. */
  readonly commandId?: string;
  readonly correlation?: string;
  /** W3C `traceparent`. */
  readonly trace?: string;
  /** Fires when nobody waits for the answer any more: ends waiting, never a command. */
  readonly signal?: AbortSignal;
}

/** What became of a command whose caller gave `wait`: the wished state, another end, or not within that time. */
export type CommandOutcome = 'reached' | 'missed' | 'timed_out';

export interface Reply {
  /** 201 create, 202 a command accepted (or still under way when `wait` ran out), 200 everything else. */
  readonly status: 200 | 201 | 202;
  /**
   * get: a WholeView; commands: an InstanceView; list: `{ instances, next }`; history: `{ records, next, first_version }`;
   * auto_standby_status and hold: a StandbyReport; list_snapshots: `{ snapshots, sleeping, most }`;
   * wait: `{ state, state_error, timed_out }`; logs: `{ run, source, text, next, gap }`;
   * timeline: `{ entries, shortened, complete }`.
   */
  readonly body: unknown;
  /**
   * Of a list: its instances as JSON with commas between them, put together from texts that are kept ready, so that a door
   * need not write `body` out anew.
   */
  readonly itemsText?: () => string;
  /** Of the record a command left behind; of reads and outcomes: the newest the read model has taken in. */
  readonly position: string;
  /** Version of the instance shown; null where there is not one. */
  readonly version: number | null;
  readonly host: string;
  /** Only for commands sent with `wait`. */
  readonly outcome?: CommandOutcome;
}

/** Throws StatevisorError; a refused command has appended nothing. */
export type UseCase = (input: unknown, caller: Caller) => Promise<Reply>;

export const VERBS = [
  'create',
  'get',
  'list',
  'update',
  'start',
  'stop',
  'restart',
  'standby',
  'restore',
  'hold',
  'delete',
  'wait',
  'history',
  'logs',
  'timeline',
  'auto_standby_status',
  'list_snapshots',
  'create_snapshot',
  'delete_snapshot',
  'restore_snapshot',
  'fork',
  'ignore',
  'cancel_restart',
  'reset_restart',
] as const;
export type Verb = (typeof VERBS)[number];

const READS = [
  'get',
  'list',
  'wait',
  'history',
  'logs',
  'timeline',
  'auto_standby_status',
  'list_snapshots',
] as const satisfies readonly Verb[];
export type CommandVerb = Exclude<Verb, (typeof READS)[number]>;
/** The verbs that change something. */
export const COMMAND_VERBS: readonly CommandVerb[] = VERBS.filter(
  (verb): verb is CommandVerb => !READS.some((read) => read === verb),
);

/** The least scope that each verb needs. */
export const SCOPE_OF: Readonly<Record<Verb, Scope>> = {
  create: 'operate',
  get: 'read',
  list: 'read',
  update: 'operate',
  start: 'operate',
  stop: 'operate',
  restart: 'operate',
  standby: 'operate',
  restore: 'operate',
  hold: 'operate',
  delete: 'operate',
  wait: 'read',
  history: 'read',
  logs: 'read',
  timeline: 'read',
  auto_standby_status: 'read',
  list_snapshots: 'read',
  create_snapshot: 'operate',
  delete_snapshot: 'operate',
  restore_snapshot: 'operate',
  fork: 'operate',
  ignore: 'operate',
  cancel_restart: 'operate',
  reset_restart: 'operate',
};

export type UseCases = Readonly<Record<Verb, UseCase>>;

/** What doors offer about the host as a whole, beside the verbs on instances. */
export const HOST_VERBS = ['status', 'chart', 'events', 'rebuild', 'mode'] as const;
export type HostVerb = (typeof HOST_VERBS)[number];

/** The least scope that each verb on the host needs. */
export const HOST_SCOPE_OF: Readonly<Record<HostVerb, Scope>> = {
  status: 'read',
  chart: 'read',
  events: 'read',
  rebuild: 'admin',
  mode: 'admin',
};

export type HostUseCases = Readonly<Record<HostVerb, UseCase>>;

export interface UseCaseOptions {
  readonly supervisor: CommandTaker;
  readonly instances: InstanceReads;
  /** Without them no view says how long its instance has been in which state. */
  readonly durations?: Durations;
  /** Without it no view says how long its instance has been awake, and why. */
  readonly wakefulness?: WakefulnessAccount;
  /** Without it timelines are not known. */
  readonly timeline?: Timeline;
  /** Without them nobody is told what became of the latest standby. */
  readonly standby_outcomes?: StandbyOutcomes;
  /** Without them the use cases have their own. */
  readonly leftovers?: Leftovers;
  /** The hypervisor, as far as it keeps snapshots; without it their sizes are not known. */
  readonly snapshotStore?: Pick<Hypervisor, 'name' | 'listSnapshots'>;
  /** The log, for reading. */
  readonly log: ReadableLog;
  /** `hypervisor.readLog`. */
  readonly readLog: Hypervisor['readLog'];
  readonly clock: Clock;
  /** Name of this host, in every reply. */
  readonly host: string;
  /** `network.addressesOf`, where guests are bridged. */
  readonly addressesOf?: AddressesOf | undefined;
  /** `hypervisor.checkImage`. */
  readonly checkImage: (image: string, memoryBytes: number) => Promise<OperationError | null>;
}
