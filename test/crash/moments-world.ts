import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import { StatevisorError } from '../../src/actors/errors.ts';
import type { FaultInjector, FaultPoint } from '../../src/actors/fault-points.ts';
import type { InstanceCommand } from '../../src/actors/supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { memoryJournal } from '../../src/adapters/simulator/journal.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { type DaemonLife, startDaemonLife } from '../../src/cli/simulate/daemon-life.ts';
import { createInstances } from '../../src/projections/instances.ts';
import { check } from './checker.ts';
import type { Acknowledgement, Violation } from './evidence.ts';
import type { Played, Scene } from './moments-scenes.ts';

/**
 * One instance on the simulator, whose life is interfered with at one moment after the other: the real runtime, in
 * simulated time, whose daemon dies as by SIGKILL.
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
/** How long a dead daemon stays dead. */
const DOWN_MS = 700;
/** Long enough to wake, and not to be idle again. */
const LATER_MS = 10 * SECOND;
const START_MS = Date.UTC(2026, 0, 1, 12);

/** What is done at the moment with the number `nth`. `kill`: the daemon dies. `connect`: somebody talks to the guest. */
export type Interference = 'nothing' | Verb | Fatal | 'kill' | 'connect' | 'connect_and_kill';
type Verb = 'stop' | 'hold' | 'start' | 'delete';
/** The daemon dies as soon as the command is acknowledged. */
type Fatal = 'stop_and_kill' | 'delete_and_kill' | 'start_and_kill';

const CLIENT = '203.0.113.7:50000->80';
/** Longer than everything that is played. */
const HELD_MS = 10 * MINUTE;

export interface Moment {
  readonly point: FaultPoint;
  readonly subject: string;
}

/** Names of snapshots, in order. */
export interface Snapshots {
  /** That the record speaks of: the named ones, and the one that the guest sleeps in. */
  readonly recorded: readonly string[];
  readonly stored: readonly string[];
}

export interface Course {
  /** Everything that was reached from the beginning of the scene on. */
  readonly moments: readonly Moment[];
  /** `deleted` when the instance is gone. */
  readonly phase: string;
  readonly health: string;
  readonly snapshots: Snapshots;
  readonly vmms: number;
  readonly spawns: number;
  /** Of the spawns, those without a memory to go on with. */
  readonly boots: number;
  readonly violations: readonly Violation[];
  /** Whether the command, where there was one, was acknowledged before the daemon died, by the one it is told of. */
  readonly acknowledged: boolean;
  /** The code that it was refused with; null when it was not. */
  readonly refused: string | null;
  /** Goes on with the same world. */
  readonly later: (command: InstanceCommand) => Promise<Pick<Course, 'phase' | 'vmms'>>;
}

const COMMANDS: Readonly<Record<Verb, (now: number) => InstanceCommand>> = {
  stop: () => ({ type: 'stop', by: 'test' }),
  start: () => ({ type: 'start', by: 'test' }),
  delete: () => ({ type: 'delete', by: 'test' }),
  hold: (now) => ({ type: 'hold', by: 'test', until: now + HELD_MS }),
};
const META = { actor: 'test', via: 'http' } as const;
const FORK = 'fork';
/** The id of the command that interferes. */
const INTERFERENCE = 'interference';

/** Plays a scene to its end, with one interference, and five more minutes after it. */
export async function play(scene: Scene, interference: Interference, nth: number): Promise<Course> {
  const world = new MomentsWorld(interference, nth);
  await world.play(scene);
  return world.course();
}

class MomentsWorld {
  readonly #interference: Interference;
  readonly #nth: number;
  readonly #clock = new SimulatedClock(START_MS);
  readonly #random = seededRandom(1, this.#clock);
  readonly #journal = memoryJournal();
  readonly #world = createWorld({ clock: this.#clock, random: this.#random, journal: this.#journal });
  readonly #control = controlSimulator({ world: this.#world, clock: this.#clock });
  readonly #log = createMemoryLog();
  readonly #instances = createInstances();
  readonly #moments: Moment[] = [];
  readonly #acknowledged: Acknowledgement[] = [];
  #refused: string | null = null;
  #life: DaemonLife | null = null;
  #id = '';
  #begun = false;
  #died = false;

  constructor(interference: Interference, nth: number) {
    this.#interference = interference;
    this.#nth = nth;
  }

  async play({ definition, before, act }: Scene): Promise<void> {
    const clock = this.#clock;
    this.#life = await this.#begin((point, { subject }) => this.#reach({ point, subject }));
    ({ id: this.#id } = await this.#life.supervisor.create(definition, 'running', META));
    await clock.advance(5 * SECOND);
    const command: Played['command'] = (given) => void this.#send(given, `scene-${given.type}`).catch(() => {});
    const fork: Played['fork'] = (snapshot) => {
      const copy = { ...definition, name: FORK };
      void this.#life!.supervisor.create(copy, 'running', META, { instance: this.#id, snapshot }).catch(() => {});
    };
    const played = { world: this.#control, id: this.#id, clock, command, fork };
    await before?.(played);
    this.#begun = true;
    await act(played);
    await clock.advance(5 * MINUTE);
  }

  async course(): Promise<Course> {
    const entries: LogEntry[] = [];
    for await (const entry of this.#log.readAll(null)) entries.push(entry);
    // Of a fork it is told what became of that, if there is one.
    this.#id = this.#subject();
    const shown = this.#instances.list().map((view) => [view.id, JSON.parse(JSON.stringify(view))] as const);
    const { lines: journal } = this.#journal;
    const evidence = { journal, entries, acknowledged: this.#acknowledged, refused: [], views: new Map(shown) };
    return {
      ...(await this.#outcome()),
      moments: this.#moments,
      health: this.#instances.get(this.#id)?.health_status.status ?? 'none',
      snapshots: await this.#snapshots(),
      spawns: journal.filter(({ type }) => type === 'vmm.spawned').length,
      boots: journal.filter((line) => line.type === 'vmm.spawned' && line.from === null).length,
      violations: check(evidence),
      acknowledged: this.#acknowledged.some(({ command, instance }) => {
        return command === INTERFERENCE && instance === this.#id;
      }),
      refused: this.#refused,
      later: async (command) => {
        await this.#life!.supervisor.command(this.#id, command, META);
        await this.#clock.advance(LATER_MS);
        return this.#outcome();
      },
    };
  }

  #subject(): string {
    return this.#instances.list().find(({ name }) => name === FORK)?.id ?? this.#id;
  }

  async #outcome(): Promise<Pick<Course, 'phase' | 'vmms'>> {
    const phase = this.#instances.get(this.#id)?.phase ?? 'deleted';
    return { phase, vmms: await this.#control.countVmms(this.#id) };
  }

  async #snapshots(): Promise<Snapshots> {
    const { supervisor } = this.#life!;
    const context = supervisor.has(this.#id) ? (await supervisor.look(this.#id)).context : null;
    const recorded = [...(context?.snapshots ?? []), ...(context?.snapshot ? [context.snapshot] : [])];
    const listed = await createSimulator({ world: this.#world, clock: this.#clock }).listSnapshots(this.#id);
    return { recorded: recorded.map(({ name }) => name).sort(), stored: listed.map(({ snapshot }) => snapshot) };
  }

  #begin(faults?: FaultInjector): Promise<DaemonLife> {
    return startDaemonLife({
      ...{ clock: this.#clock, random: this.#random, log: this.#log, world: this.#world, clockSteps: false },
      host: faults === undefined ? {} : { faults },
      onRecord: (published) => this.#instances.apply(published),
      report: () => {},
    });
  }

  #reach(moment: Moment): Promise<void> | undefined {
    if (!this.#begun || this.#died) return undefined;
    this.#moments.push(moment);
    return this.#moments.length === this.#nth ? this.#interfere() : undefined;
  }

  async #interfere(): Promise<void> {
    const interference = this.#interference;
    if (interference === 'nothing') return;
    if (interference.startsWith('connect')) await this.#control.traffic(this.#id, { open: CLIENT });
    if (interference === 'kill' || interference === 'connect_and_kill') return this.#die();
    if (interference === 'connect') return;
    const isFatal = interference.endsWith('_and_kill');
    const verb = interference.replace('_and_kill', '') as Verb;
    const sent = this.#send(COMMANDS[verb](this.#clock.now()), INTERFERENCE);
    sent.catch((error: unknown) => {
      this.#refused = error instanceof StatevisorError ? error.code : String(error);
    });
    // A letter that is held has the command wait behind it; beside an effect it is acknowledged meanwhile.
    await this.#clock.settle();
    if (!isFatal) return;
    if (this.#isAcknowledged()) return this.#die();
    void sent.then(
      () => this.#die(),
      () => {},
    );
  }

  async #send(command: InstanceCommand, name: string): Promise<void> {
    const sentAt = this.#clock.now();
    const about = { ...META, commandId: name, digest: command.type };
    const instance = this.#subject();
    const { record, position } = await this.#life!.supervisor.command(instance, command, about);
    const place = { instance, version: record.version, position };
    const times = { sentAt, answeredAt: this.#clock.now(), tries: 1 };
    this.#acknowledged.push({ command: name, verb: command.type, ...place, ...times });
  }

  #isAcknowledged(): boolean {
    return this.#acknowledged.some(({ command }) => command === INTERFERENCE);
  }

  #die(): Promise<void> {
    this.#died = true;
    this.#life!.kill();
    const next = async (): Promise<void> => {
      this.#life = await this.#begin();
    };
    this.#clock.after(DOWN_MS, () => void next());
    return new Promise(() => {});
  }
}
