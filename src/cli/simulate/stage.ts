import { SimulatedClock, seededRandom } from '../../actors/clock.ts';
import type { Random } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { Published } from '../../actors/supervisor.ts';
import { createMemoryLog } from '../../adapters/log-memory/memory-log.ts';
import { controlSimulator, type SimulatorControl } from '../../adapters/simulator/control.ts';
import { createWorld, type World } from '../../adapters/simulator/world.ts';
import { wakefulnessProjection } from '../../projections/wakefulness.ts';
import type { WakefulnessRow } from '../../projections/wakefulness-row.ts';
import { type DaemonLife, startDaemonLife } from './daemon-life.ts';
import { checkUpdates, definitionOf, START_MS } from './definitions.ts';
import type { Scenario } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';
import { hostOf } from './scenario-host.ts';

/** Everything a running scenario consists of. Offsets are simulated milliseconds after 0s, whatever the wall clock says. */
export interface Stage {
  readonly scenario: Scenario;
  readonly recordsMax: number;
  readonly clock: SimulatedClock;
  readonly random: Random;
  readonly log: Log;
  readonly world: World;
  readonly control: SimulatorControl;
  /** Id of each instance by its name, in the order of the file. */
  readonly ids: Map<string, string>;
  /** What happened, in order. */
  readonly moments: Moment[];
  /** The newest record of each instance. */
  readonly newest: Map<string, Published>;
  /** How long each instance has been awake and asleep. */
  readonly accounts: Map<string, WakefulnessRow>;
  /** Null while the daemon is down. */
  life: DaemonLife | null;
}

export type Moment =
  | { readonly kind: 'record'; readonly at: number; readonly name: string; readonly published: Published }
  /** A line of the timeline, or something about the daemon. */
  | { readonly kind: 'said'; readonly at: number; readonly name: string | null; readonly text: string }
  | {
      readonly kind: 'refused';
      readonly at: number;
      readonly name: string | null;
      readonly code: string;
      readonly text: string;
    };

/** Instances are created this long before 0s. */
const PRELUDE_MS = 1_000;
/** Simulated at one go before the bounds are looked at again. */
const STRIDE_MS = 1_000;
/** Records one scenario may make, unless told otherwise: some ten thousand restarts. */
export const RECORDS_MAX = 50_000;
/** Every scenario draws its ids from these, so that the same file gives the same output. */
const SEEDS = { daemon: 1, world: 2 };

/** Sets the stage: the daemon runs, every instance is there and stopped, and the next instant is 0s. */
export async function setStage(scenario: Scenario, recordsMax = RECORDS_MAX): Promise<Stage> {
  const { source } = scenario;
  const definitions = new Map(scenario.instances.map((instance) => [instance.name, definitionOf(instance, source)]));
  checkUpdates(scenario, definitions);
  const clock = new SimulatedClock(START_MS - PRELUDE_MS);
  const world = createWorld({ clock, random: seededRandom(SEEDS.world, clock) });
  const stage: Stage = {
    scenario,
    recordsMax,
    clock,
    random: seededRandom(SEEDS.daemon, clock),
    log: createMemoryLog(),
    world,
    control: controlSimulator({ world, clock }),
    ids: new Map(),
    moments: [],
    newest: new Map(),
    accounts: new Map(),
    life: null,
  };
  await startDaemon(stage);
  for (const { name, bootMs, shutdown } of scenario.instances) {
    const id = await createInstance(stage, definitions.get(name)!, name);
    stage.ids.set(name, id);
    if (bootMs !== undefined) await stage.control.setBootDuration(id, bootMs);
    if (shutdown === 'ignored') await stage.control.setShutdown(id, { ignored: true });
    else if (shutdown !== undefined) await stage.control.setShutdown(id, { ms: shutdown });
  }
  await settle(stage);
  for (const [name, id] of stage.ids) requirePrepared(stage, name, id);
  await clock.advance(PRELUDE_MS);
  return stage;
}

/** An instance that could not be prepared, for want of its image, is a mistake of the file and no story to tell. */
function requirePrepared({ newest, scenario: { source } }: Stage, name: string, id: string): void {
  const trouble = newest.get(id)?.record.state.context.trouble ?? null;
  if (trouble === null) return;
  throw new ScenarioError(`instances.${name}: ${trouble.message}`, source.placeOfKey(['instances', name], 'image'));
}

async function createInstance(
  { life, scenario }: Stage,
  definition: Parameters<DaemonLife['supervisor']['create']>[0],
  name: string,
): Promise<string> {
  try {
    const { id } = await life!.supervisor.create(definition, 'stopped', { actor: 'scenario', via: 'simulate' });
    return id;
  } catch (error) {
    if (!(error instanceof StatevisorError)) throw error;
    throw new ScenarioError(`instances.${name}: ${error.message}`, scenario.source.place(['instances', name]));
  }
}

export function offsetOf({ clock }: Stage): number {
  return clock.monotonic() - PRELUDE_MS;
}

export async function startDaemon(stage: Stage): Promise<void> {
  const { clock, log, random, scenario, world } = stage;
  stage.life = await startDaemonLife({
    clock,
    random,
    log,
    world,
    host: hostOf(scenario.host),
    clockSteps: scenario.timeline.some(({ kind }) => kind === 'clock'),
    onRecord: (published) => noteRecord(stage, published),
    report: (text) => stage.moments.push({ kind: 'said', at: offsetOf(stage), name: null, text }),
  });
}

export function killDaemon(stage: Stage): void {
  stage.life?.kill();
  stage.life = null;
}

function noteRecord(stage: Stage, published: Published): void {
  const { record, definition, live } = published;
  stage.newest.set(record.stream, published);
  if (!live) return;
  stage.moments.push({ kind: 'record', at: offsetOf(stage), name: definition.name, published });
  const account = wakefulnessProjection.fold(stage.accounts.get(record.stream), published);
  if (account === undefined) stage.accounts.delete(record.stream);
  else stage.accounts.set(record.stream, account);
}

/** Lets everything happen that needs no time, timers that are due right now included. */
export async function settle({ clock }: Stage): Promise<void> {
  await clock.advance(0);
}

/** Moves time on to this offset. Throws ScenarioError when there is no end to what happens. */
export async function advanceTo(stage: Stage, offset: number): Promise<void> {
  const { clock, moments, recordsMax, scenario } = stage;
  for (let leftMs = offset - offsetOf(stage); leftMs > 0; leftMs = offset - offsetOf(stage)) {
    const nextMs = clock.nextTimerInMs() ?? leftMs;
    await clock.advance(Math.min(leftMs, Math.max(nextMs, STRIDE_MS)));
    if (moments.length > recordsMax) {
      throw new ScenarioError(`more than ${recordsMax} records: nothing here comes to rest`, scenario.source.place([]));
    }
  }
}
