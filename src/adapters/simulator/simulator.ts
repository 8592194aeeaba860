import type { Clock } from '../../actors/contracts/clock.ts';
import type {
  BootResult,
  EffectControl,
  Hypervisor,
  Observation,
  OperationError,
  Outcome,
  Reality,
  RunLogCursor,
  RunLogPiece,
  RunLogSource,
  RunRef,
  RunSpec,
  SnapshotPlace,
} from '../../actors/contracts/hypervisor.ts';
import { wholeCharacters } from '../../actors/contracts/whole-characters.ts';
import { type ObservedRuns, observedRuns } from './observed-runs.ts';
import { type PidOutcome, perform, TIME_LIMITS_MS, within } from './operation.ts';
import type { WorldAnswer, WorldRequest } from './wire.ts';
import type { World } from './world.ts';
import type { WorldPlace } from './world-place.ts';
import { directPort, type WorldPort } from './world-port.ts';
import { socketPort } from './world-socket.ts';

export interface SimulatorOptions {
  /** A world in this process, or the place of one that lives in its own and is started there when it does not. */
  readonly world: World | WorldPlace;
  readonly clock: Clock;
}

/** The image every simulator knows, and how the names of all others it knows begin. */
const DEMO_IMAGE = 'demo';
const SIMULATED_IMAGE_PREFIX = 'sim-';
/** How long a question that changes nothing irreversible may take, in ms. */
const QUESTION_LIMIT_MS = 10_000;
/** Runs asked about at a time after the way to the world was found again. */
const CATCH_UP_BATCH = 256;
/** How often, and how far apart, such questions are asked while they are not answered. */
const CATCH_UP_ATTEMPTS = 60;
const CATCH_UP_PAUSE_MS = 1_000;

interface Simulator {
  readonly clock: Clock;
  readonly port: WorldPort;
  readonly runs: ObservedRuns;
}

/**
 * The hypervisor contract over a simulated world. Nothing is virtualised: a VMM is an entry in the world with a fake
 * pid, its guest becomes ready after its boot duration. Faults and the guests' deeds come through
 * `controlSimulator`.
 */
export function createSimulator(options: SimulatorOptions): Hypervisor {
  const { clock, world } = options;
  return simulatorOver(
    'directory' in world ? socketPort({ ...world, clock, role: 'owner' }) : directPort(world),
    clock,
  );
}

/** The same over any way to a world. */
export function simulatorOver(port: WorldPort, clock: Clock): Hypervisor {
  const listeners = new Set<(observation: Observation) => void>();
  const runs = observedRuns(clock, (observation) => {
    for (const listener of listeners) listener(observation);
  });
  const simulator: Simulator = { clock, port, runs };
  port.observe(runs.receive);
  port.onReturn(() => {
    catchUp(simulator).catch(() => {});
  });
  return {
    name: 'simulator',
    snapshots: true,
    checkImage: async (image) => imageError(image),
    inspect: (ref) => inspect(simulator, ref),
    boot: (spec, control) => start(simulator, spec, null, control),
    restore: (spec, from, control) => start(simulator, spec, from.snapshot, control),
    pause: (ref, control) => change(simulator, 'pause', ref, control),
    resume: (ref, control) => change(simulator, 'resume', ref, control),
    shutdown: (ref, control) => change(simulator, 'shutdown', ref, control),
    kill: (ref, control) => change(simulator, 'kill', ref, control),
    ...snapshotOperations(simulator),
    adopt: async (ref) => {
      const reality = await inspect(simulator, ref, true);
      runs.add(ref, reality);
      return reality;
    },
    remove: (instance) => ask(simulator, { op: 'remove', instance }),
    readLog: (ref, source, from, maxBytes) => readLog(simulator, { ...idOf(ref), source }, from, maxBytes),
    observe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      listeners.clear();
      runs.clear();
      await port.close();
    },
  };
}

type SnapshotOperations = Pick<
  Hypervisor,
  'snapshot' | 'dropSnapshot' | 'copySnapshot' | 'forkSnapshot' | 'listSnapshots' | 'setClock'
>;

function snapshotOperations(simulator: Simulator): SnapshotOperations {
  const { clock, port } = simulator;
  const copy = async (
    operation: 'copy_snapshot' | 'fork_snapshot',
    { instance, snapshot }: SnapshotPlace,
    to: SnapshotPlace,
    control: EffectControl,
  ): Promise<Outcome> => {
    const ref = { instance, run: 0 } as const;
    const request = { op: 'copy_snapshot', operation, ...ref, effect: control.effect, snapshot, to } as const;
    const call = { clock, port, operation, ref, control };
    return withoutPid(await perform({ ...call, request: (manner) => ({ ...request, manner }) }));
  };
  return {
    snapshot: async (ref, { snapshot, takes_memory = false }, control) => {
      const request = { op: 'snapshot', ...idOf(ref), effect: control.effect, snapshot, takes_memory } as const;
      const call = { clock, port, operation: 'snapshot', ref, control } as const;
      return withoutPid(await perform({ ...call, request: (manner) => ({ ...request, manner }) }));
    },
    dropSnapshot: (instance, { snapshot }) => ask(simulator, { op: 'drop_snapshot', instance, snapshot }),
    copySnapshot: (instance, { snapshot }, as, control) =>
      copy('copy_snapshot', { instance, snapshot }, { instance, snapshot: as.snapshot }, control),
    forkSnapshot: (source, { instance, snapshot }, control) =>
      copy('fork_snapshot', source, { instance, snapshot }, control),
    listSnapshots: async (instance) => {
      const asked = await within(clock, port.call({ op: 'list_snapshots', instance }), QUESTION_LIMIT_MS);
      if (asked.kind === 'answer' && asked.value.answer === 'snapshots') return asked.value.snapshots;
      throw new Error('the simulated world did not say which snapshots there are');
    },
    setClock: async (ref, at, control) => {
      const request = { op: 'set_clock', ...idOf(ref), effect: control.effect, at } as const;
      const call = { clock, port, operation: 'set_clock', ref, control } as const;
      const outcome = await perform({ ...call, request: (manner) => ({ ...request, manner }) });
      if (outcome.outcome !== 'done') return outcome;
      return { ...outcome, result: { drift_ms: outcome.result.drift_ms } };
    },
  };
}

const idOf = ({ instance, run }: RunRef): RunRef => ({ instance, run });

function imageError(image: string): OperationError | null {
  if (image === DEMO_IMAGE || image.startsWith(SIMULATED_IMAGE_PREFIX)) return null;
  return { code: 'image_not_found', message: `the simulator knows no image ${image}` };
}

function withoutPid(outcome: PidOutcome): Outcome {
  return outcome.outcome === 'done' ? { ...outcome, result: null } : outcome;
}

async function change(
  { clock, port }: Simulator,
  op: 'pause' | 'resume' | 'shutdown' | 'kill',
  ref: RunRef,
  control: EffectControl,
): Promise<Outcome> {
  const request = { op, ...idOf(ref), effect: control.effect };
  const call = { clock, port, operation: op, ref, control };
  return withoutPid(await perform({ ...call, request: (manner) => ({ ...request, manner }) }));
}

async function start(
  { clock, port, runs }: Simulator,
  spec: RunSpec,
  snapshot: string | null,
  control: EffectControl,
): Promise<Outcome<BootResult>> {
  const error = imageError(spec.image);
  if (error !== null) return { outcome: 'failed', error };
  const settled = runs.begin(spec);
  const ids = { ...idOf(spec), effect: control.effect };
  const outcome = await perform({
    clock,
    port,
    operation: snapshot === null ? 'boot' : 'restore',
    ref: spec,
    control,
    request: (manner) =>
      snapshot === null ? { op: 'boot', ...ids, manner } : { op: 'restore', ...ids, manner, snapshot },
  });
  const maybeStarted = outcome.outcome === 'unknown' && outcome.error.code !== 'run_taken';
  settled(outcome.outcome === 'done' || maybeStarted);
  if (outcome.outcome !== 'done') return outcome;
  return { ...outcome, result: { pid: outcome.result.pid, accelerator: 'simulator' } };
}

async function inspect({ clock, port }: Simulator, ref: RunRef, watch = false): Promise<Reality> {
  const startedAt = clock.monotonic();
  const asked = await within(clock, port.call({ op: 'inspect', ...idOf(ref), watch }), TIME_LIMITS_MS.inspect);
  const unreachable = (message: string): Reality => ({ reality: 'unreachable', message });
  if (asked.kind === 'lost') return unreachable(asked.message);
  if (asked.kind !== 'answer' || asked.value.answer !== 'reality') return unreachable('the simulated world is silent');
  const { fault, reality } = asked.value;
  if (fault === 'fail' || fault === 'crash' || fault === 'no_room')
    return unreachable('the simulated inspection failed, as it was told to');
  if (fault === 'lie') return { reality: 'none' };
  const delayMs = fault === 'hang' || fault === 'hang_after' ? Infinity : typeof fault === 'object' ? fault.slow : 0;
  if (delayMs === 0) return reality;
  const leftMs = Math.max(0, TIME_LIMITS_MS.inspect - (clock.monotonic() - startedAt));
  await clock.sleep(Math.min(delayMs, leftMs));
  return delayMs > leftMs ? unreachable('the simulated inspection took too long') : reality;
}

/** A question or change without a withdrawal: settles by its limit. */
async function ask({ clock, port }: Simulator, request: WorldRequest): Promise<Outcome> {
  const asked = await within<WorldAnswer>(clock, port.call(request), QUESTION_LIMIT_MS);
  if (asked.kind === 'lost') {
    const error = { code: 'hypervisor_unreachable', message: asked.message };
    return { outcome: asked.sent ? 'unknown' : 'failed', error };
  }
  if (asked.kind === 'answer' && asked.value.answer === 'done') return { outcome: 'done', result: null };
  if (asked.kind === 'answer' && asked.value.answer === 'failed') {
    const { code, message } = asked.value;
    return { outcome: 'failed', error: { code, message } };
  }
  return { outcome: 'unknown', error: { code: 'timed_out', message: 'the simulated world did not answer' } };
}

async function readLog(
  { clock, port }: Simulator,
  log: RunRef & { readonly source: RunLogSource },
  from: RunLogCursor | null,
  maxBytes: number,
): Promise<RunLogPiece> {
  const asked = await within(clock, port.call({ op: 'log', ...log }), QUESTION_LIMIT_MS);
  if (asked.kind !== 'answer' || asked.value.answer !== 'log') return { text: '', next: from ?? '0', gap: false };
  const bytes = Buffer.from(asked.value.text);
  const first = from === null ? Math.max(0, bytes.length - maxBytes) : Math.trunc(Number(from)) || 0;
  const { text, length } = wholeCharacters(bytes.subarray(first, first + maxBytes));
  // These logs only grow: whoever has read more than there is read it of a run that the world has forgotten.
  return { text, next: String(first + length), gap: first > bytes.length };
}

/**
 * After the way to the world was lost: tells what is so of every observed run now. Those that cannot be inspected are
 * asked for again, a bounded number of times.
 */
async function catchUp(simulator: Simulator): Promise<void> {
  let refs = simulator.runs.all();
  for (let attempt = 0; attempt < CATCH_UP_ATTEMPTS && refs.length > 0; attempt++) {
    if (attempt > 0) await simulator.clock.sleep(CATCH_UP_PAUSE_MS);
    const silent: RunRef[] = [];
    for (let from = 0; from < refs.length; from += CATCH_UP_BATCH) {
      const asked = refs.slice(from, from + CATCH_UP_BATCH).map(async (ref) => {
        const reality = await inspect(simulator, ref, true);
        if (reality.reality === 'unreachable') silent.push(ref);
        else simulator.runs.catchUp(ref, reality, simulator.clock.now());
      });
      await Promise.all(asked);
    }
    refs = silent.filter(simulator.runs.has);
  }
}
