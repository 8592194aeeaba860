import type { Clock } from '../../actors/contracts/clock.ts';
import type { RunRef } from '../../actors/contracts/hypervisor.ts';
import { type JournalLine, type memoryJournal, readJournal } from './journal.ts';
import type { DumpsFate, EventsFate } from './table-wire.ts';
import type {
  Damage,
  Deed,
  Fault,
  InstanceState,
  Operation,
  ProbeAnswer,
  SimulatedAgent,
  TrafficChange,
  WorldAnswer,
  WorldRequest,
} from './wire.ts';
import type { World } from './world.ts';
import { findWorldProcess, type WorldPlace, worldPaths } from './world-place.ts';
import { directPort, type WorldPort } from './world-port.ts';
import { type SocketPort, socketPort } from './world-socket.ts';
import { EVERY_INSTANCE } from './world-state.ts';

/** A run, or the newest live run of an instance. */
export type Target = RunRef | string;

/**
 * The hands of fate, for tests and scenarios: what guests do, what goes wrong, and what truly happened. Every call
 * rejects when the world refuses it (`SimulationRefused`) or cannot be reached.
 */
export interface SimulatorControl {
  /** The workload ends with this code and the guest powers off. */
  guestExit(target: Target, code: number): Promise<void>;
  /** The workload dies of this signal (its code is 128 + n) and the guest powers off. */
  signal(target: Target, signal: number): Promise<void>;
  panic(target: Target): Promise<void>;
  reboot(target: Target): Promise<void>;
  /** The guest powers off without an exit code. */
  powerOff(target: Target): Promise<void>;
  /** Writes text into the guest's memory; `state` reads it. */
  writeMemory(target: Target, text: string): Promise<void>;
  /** Someone else kills the VMM. */
  sigkill(target: Target): Promise<void>;
  /** The VMM fails by itself. */
  crash(target: Target): Promise<void>;
  /** The VMM ends and leaves no reason. */
  vanish(target: Target): Promise<void>;
  /** From now on, or so many `times`. `'*'`: every instance that has no fault of its own for the operation. */
  setFault(instance: string, operation: Operation, fault: Fault, times?: number): Promise<void>;
  /** Time from spawn or reboot until the guest is ready, ms. */
  setBootDuration(instance: string, ms: number): Promise<void>;
  /** How the guest takes a request to shut down: after `ms`, or never. */
  setShutdown(instance: string, how: { readonly ms?: number; readonly ignored?: boolean }): Promise<void>;
  setProbe(instance: string, answer: ProbeAnswer): Promise<void>;
  setAgent(instance: string, agent: SimulatedAgent): Promise<void>;
  /** Something befalls a snapshot on its disk: from now on it is refused with this code. */
  damageSnapshot(instance: string, snapshot: string, damage: Damage): Promise<void>;
  traffic(instance: string, change: TrafficChange): Promise<void>;
  /** What becomes of the events and dumps of the table of connections: the next so many `times`, or from now on. */
  setTable(fate: { readonly events?: EventsFate; readonly dumps?: DumpsFate }, times?: number): Promise<void>;
  hostReboot(): Promise<void>;
  /** What is so, whatever the daemon believes. */
  state(instance: string): Promise<InstanceState>;
  countVmms(instance: string): Promise<number>;
  /** Every line of the journal so far. */
  journal(): Promise<readonly JournalLine[]>;
  /** Ends the world; one in its own process ends that process. */
  shutdownWorld(): Promise<void>;
  close(): Promise<void>;
}

/** The world said no: there is nothing to do it to. `code` is stable. */
export class SimulationRefused extends Error {
  override readonly name = 'SimulationRefused';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface ControlOptions {
  readonly world: World | WorldPlace;
  readonly clock: Clock;
}

interface WayToWorld {
  readonly port: WorldPort;
  readonly journal: () => Promise<readonly JournalLine[]>;
  readonly shutdownWorld: () => Promise<void>;
}

function wayTo({ world, clock }: ControlOptions): WayToWorld {
  if ('directory' in world) {
    const port: SocketPort = socketPort({ ...world, clock, role: 'control' });
    const journal = async (): Promise<readonly JournalLine[]> => {
      // Any request lets a living world put down lines that wait; a dead one is not raised to be asked.
      const lives = findWorldProcess(world.directory) !== null;
      if (lives) await port.call({ op: 'state', instance: EVERY_INSTANCE }).catch(() => {});
      return readJournal(worldPaths(world.directory).journal);
    };
    return { port, journal, shutdownWorld: port.shutdownWorld };
  }
  const kept = world.journal as Partial<ReturnType<typeof memoryJournal>>;
  return {
    port: directPort(world),
    journal: async () => [...(kept.lines ?? [])],
    shutdownWorld: async () => world.end(),
  };
}

/** Controls the world a simulator runs in, from the same or from another process. */
export function controlSimulator(options: ControlOptions): SimulatorControl {
  const { port, journal, shutdownWorld } = wayTo(options);
  const ask = async (request: WorldRequest): Promise<WorldAnswer> => {
    const answer = await port.call(request);
    if (answer.answer === 'failed') throw new SimulationRefused(answer.code, answer.message);
    return answer;
  };
  const tell = async (request: WorldRequest): Promise<void> => {
    await ask(request);
  };
  const befall = (target: Target, deed: Deed): Promise<void> => {
    if (typeof target === 'string') return tell({ op: 'deed', instance: target, deed });
    return tell({ op: 'deed', instance: target.instance, run: target.run, deed });
  };
  const state = async (instance: string): Promise<InstanceState> => {
    const answer = await ask({ op: 'state', instance });
    if (answer.answer !== 'state') throw new SimulationRefused('bad_answer', 'the world answered something else');
    return answer.state;
  };
  return {
    guestExit: (target, code) => befall(target, { exit: code }),
    signal: (target, signal) => befall(target, { signal }),
    panic: (target) => befall(target, 'panic'),
    reboot: (target) => befall(target, 'reboot'),
    powerOff: (target) => befall(target, 'power_off'),
    writeMemory: (target, text) => befall(target, { write: text }),
    sigkill: (target) => befall(target, 'sigkill'),
    crash: (target) => befall(target, 'crash'),
    vanish: (target) => befall(target, 'vanish'),
    setFault: (instance, operation, fault, times) =>
      tell({ op: 'fault', instance, operation, fault, times: times ?? null }),
    setBootDuration: (instance, ms) => tell({ op: 'settings', instance, settings: { boot_ms: ms } }),
    setShutdown: (instance, { ms, ignored }) =>
      tell({ op: 'settings', instance, settings: { shutdown_ms: ms, ignores_shutdown: ignored } }),
    setAgent: (instance, agent) => tell({ op: 'settings', instance, settings: { agent } }),
    damageSnapshot: (instance, snapshot, damage) => tell({ op: 'damage', instance, snapshot, damage }),
    setProbe: (instance, probe) => tell({ op: 'settings', instance, settings: { probe } }),
    traffic: (instance, change) => tell({ op: 'traffic', instance, change }),
    setTable: (fate, times) => tell({ op: 'table', ...fate, times: times ?? null }),
    hostReboot: () => tell({ op: 'host_reboot' }),
    state,
    countVmms: async (instance) => (await state(instance)).live.length,
    journal,
    shutdownWorld,
    close: () => port.close(),
  };
}

export { EVERY_INSTANCE };
