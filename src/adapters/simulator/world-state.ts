import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Observation, Reality, RunEnd } from '../../actors/contracts/hypervisor.ts';
import type { GuestTimer } from './guest-timer.ts';
import type { Journal, JournalEntry, JournalLine, SavedGuest } from './journal.ts';
import type { Damage, Fault, InstanceState, Operation, ProbeAnswer, SimulatedAgent } from './wire.ts';
import { WorldTable } from './world-table.ts';

/** How long a guest takes from the start of its VMM, or from a reboot, until it is ready. */
export const BOOT_DEFAULT_MS = 1_000;
/** How long a guest takes to power off after it was asked to. */
export const SHUTDOWN_DEFAULT_MS = 500;
/** Ended runs of one instance whose story is kept; of older ones only that they are over. */
const ENDED_RUNS_KEPT = 32;
/** Fake pids lie above every pid Linux gives out, so that one is never signalled by mistake. */
const FIRST_PID = 10_000_001;

/** The instance name whose faults and settings hold for every instance without its own. */
export const EVERY_INSTANCE = '*';

/** `starting`: its token is taken and nothing has been spawned yet. `void`: token taken, and nothing ever will be. */
export type Phase = 'starting' | 'running' | 'paused' | 'ended' | 'void';

export interface SimulatedRun {
  readonly instance: string;
  readonly run: number;
  pid: number;
  phase: Phase;
  /** Who prepares it, while it is starting. */
  owner: object | null;
  ready: boolean;
  /** Who observes it. */
  watcher: object | null;
  /** It rebooted while nobody observed it: before the present watcher came, and since the last one left. */
  rebootedBefore: boolean;
  rebootedUnseen: boolean;
  /** Text in the guest's memory: survives pause, snapshot and restore, and no reboot. */
  memory: string;
  /** How far the guest's clock is behind, not counting the pause that it may be in since `pausedAt` (epoch ms). */
  clockBehindMs: number;
  pausedAt: number | null;
  readyTimer: GuestTimer | null;
  shutdownTimer: GuestTimer | null;
  end: RunEnd | null;
}

/** One snapshot in the store of an instance. */
export interface KeptSnapshot {
  readonly guest: SavedGuest;
  /** The run whose memory it has taken; null: it is whole by itself. */
  readonly memoryOf: SimulatedRun | null;
  /** What it will be refused for. */
  damage: Damage | null;
}

export interface PlannedFault {
  readonly fault: Fault;
  /** How many more operations it strikes; null: every one. */
  remaining: number | null;
}

export interface InstanceSettings {
  readonly boot_ms?: number | undefined;
  readonly shutdown_ms?: number | undefined;
  readonly ignores_shutdown?: boolean | undefined;
  readonly probe?: ProbeAnswer | undefined;
  readonly agent?: SimulatedAgent | undefined;
}

const SETTINGS: Required<InstanceSettings> = {
  boot_ms: BOOT_DEFAULT_MS,
  shutdown_ms: SHUTDOWN_DEFAULT_MS,
  ignores_shutdown: false,
  probe: 'pass',
  agent: 'answers',
};

export interface SimulatedInstance {
  readonly runs: Map<number, SimulatedRun>;
  /** Every run up to this number was started once and its story forgotten. */
  forgottenUpTo: number;
  readonly live: Set<SimulatedRun>;
  snapshots: Map<string, KeptSnapshot> | null;
  settings: InstanceSettings | null;
}

/** Everything the world's parts share. */
export interface WorldState {
  readonly clock: Clock;
  readonly random: Random;
  readonly instances: Map<string, SimulatedInstance>;
  readonly faults: Map<string, Map<Operation, PlannedFault>>;
  readonly table: WorldTable;
  /** Runs whose token is taken and which are not spawned yet. */
  readonly starting: Set<SimulatedRun>;
  /** Those who asked and will not come back. */
  readonly gone: WeakSet<object>;
  readonly record: (entry: JournalEntry) => void;
  readonly emit: (observation: Observation) => void;
  /** Settings of every instance without its own. */
  everySetting: InstanceSettings;
  bootId: string;
  nextPid: number;
}

export function createState(
  options: { readonly clock: Clock; readonly random: Random; readonly journal: Journal },
  emit: (observation: Observation) => void,
): WorldState {
  const { clock, random, journal } = options;
  let seq = journal.earlier.at(-1)?.seq ?? 0;
  return {
    clock,
    random,
    instances: new Map(),
    faults: new Map(),
    table: new WorldTable(clock),
    starting: new Set(),
    gone: new WeakSet(),
    record: (entry) => journal.write({ seq: ++seq, at: clock.now(), ...entry } as JournalLine),
    emit,
    everySetting: {},
    bootId: random.hex(16),
    nextPid: FIRST_PID,
  };
}

export function instanceOf(state: WorldState, id: string): SimulatedInstance {
  const known = state.instances.get(id);
  if (known !== undefined) return known;
  const instance: SimulatedInstance = {
    runs: new Map(),
    forgottenUpTo: 0,
    live: new Set(),
    snapshots: null,
    settings: null,
  };
  state.instances.set(id, instance);
  return instance;
}

/** One setting of an instance: its own, else that of every instance, else the world's own. */
export function settingOf<K extends keyof InstanceSettings>(
  state: WorldState,
  id: string,
  key: K,
): NonNullable<InstanceSettings[K]> {
  const own = state.instances.get(id)?.settings?.[key];
  return (own ?? state.everySetting[key] ?? SETTINGS[key]) as NonNullable<InstanceSettings[K]>;
}

/** Takes the once-only token of a run. Null when it was taken before. */
export function takeToken(state: WorldState, id: string, runNumber: number, owner: object | null): SimulatedRun | null {
  const instance = instanceOf(state, id);
  if (runNumber <= instance.forgottenUpTo || instance.runs.has(runNumber)) return null;
  const run: SimulatedRun = {
    instance: id,
    run: runNumber,
    pid: 0,
    phase: 'starting',
    owner,
    ready: false,
    watcher: null,
    rebootedBefore: false,
    rebootedUnseen: false,
    memory: '',
    clockBehindMs: 0,
    pausedAt: null,
    readyTimer: null,
    shutdownTimer: null,
    end: null,
  };
  instance.runs.set(runNumber, run);
  state.starting.add(run);
  return run;
}

/** From now on this owner observes the run. What it did unseen stays told for as long as the owner watches. */
export function watchRun(run: SimulatedRun, owner: object): void {
  if (run.watcher === owner) return;
  run.watcher = owner;
  run.rebootedBefore = run.rebootedUnseen;
  run.rebootedUnseen = false;
}

export function isWatched(state: WorldState, run: SimulatedRun): boolean {
  return run.watcher !== null && !state.gone.has(run.watcher);
}

/** Lets a starting run never come to be. Its token stays taken. */
export function voidRun(state: WorldState, run: SimulatedRun): void {
  if (run.phase !== 'starting') return;
  run.phase = 'void';
  run.owner = null;
  state.starting.delete(run);
  forgetOldRuns(instanceOf(state, run.instance));
}

/** Forgets a starting run whose owner is gone: nothing was spawned, nobody can spawn it, and the next owner may. */
export function forgetStartingRun(state: WorldState, run: SimulatedRun): void {
  if (run.phase !== 'starting') return;
  run.phase = 'void';
  run.owner = null;
  state.starting.delete(run);
  instanceOf(state, run.instance).runs.delete(run.run);
}

/** Keeps memory bounded: of the oldest runs only the fact that their tokens are taken is kept. */
export function forgetOldRuns(instance: SimulatedInstance): void {
  for (const [number, run] of instance.runs) {
    if (instance.runs.size <= ENDED_RUNS_KEPT) return;
    if (run.phase !== 'ended' && run.phase !== 'void') continue;
    instance.runs.delete(number);
    instance.forgottenUpTo = Math.max(instance.forgottenUpTo, number);
  }
}

export function isLive(run: SimulatedRun | undefined): run is SimulatedRun {
  return run !== undefined && (run.phase === 'running' || run.phase === 'paused');
}

/** Whether it rebooted without being heard by whoever observes it now, or by anyone when nobody does. */
function rebootedUnseen(state: WorldState, run: SimulatedRun): boolean {
  return run.rebootedUnseen || (run.rebootedBefore && isWatched(state, run));
}

/** What is truly so of a run. */
export function realityOf(state: WorldState, id: string, runNumber: number): Reality {
  const instance = state.instances.get(id);
  const run = instance?.runs.get(runNumber);
  switch (run?.phase) {
    case 'starting':
      return { reality: 'starting' };
    case 'running':
      return {
        reality: 'running',
        ready: run.ready,
        ...(rebootedUnseen(state, run) ? { rebooted: true } : {}),
      };
    case 'paused':
      return { reality: 'paused' };
    case 'ended':
      return { reality: 'ended', ...run.end! };
    default:
      break;
  }
  const [other] = instance?.live ?? [];
  if (other !== undefined) return { reality: 'other_run', run: other.run };
  if (run === undefined && instance !== undefined && runNumber <= instance.forgottenUpTo) {
    return { reality: 'ended', reason: 'unknown', code: null, message: 'its record is too old', ended_at: null };
  }
  return { reality: 'none' };
}

export function stateOf(state: WorldState, id: string): InstanceState {
  const instance = instanceOf(state, id);
  return {
    live: [...instance.live].map(({ run, pid, phase, memory }) => ({
      run,
      pid,
      phase: phase === 'paused' ? 'paused' : 'running',
      memory,
    })),
    snapshots: [...(instance.snapshots?.keys() ?? [])],
    probe: settingOf(state, id, 'probe'),
    connections: state.table.textsOf(id),
    observer: state.table.isBlind(id) ? 'lost' : 'in_order',
    boot_id: state.bootId,
  };
}
