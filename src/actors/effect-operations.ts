import type { Definition } from '../../machines/definition.ts';
import { type Effect, FORKED_SNAPSHOT, isSleepersSnapshot, standbySnapshot } from '../../machines/effects.ts';
import type { EffectResult, ObservationEvent, Purpose, Unstamped } from '../../machines/events.ts';
import type { Hooks } from './contracts/hooks.ts';
import type {
  BootResult,
  EffectControl,
  Hypervisor,
  NewSnapshot,
  OperationError,
  Outcome,
  RunEnd,
  RunSpec,
} from './contracts/hypervisor.ts';
import { connectRun } from './run-network.ts';
import { confirmIdle, forgetFormer, type TrafficOperators } from './tracking/traffic-operations.ts';

/** Which operation of an adapter each effect is, and which one event its outcome becomes. */

/** Characters of an adapter's message that a record keeps. */
const ERROR_MESSAGE_MAX = 2_048;

export type ResultEvent = Unstamped<EffectResult> | Unstamped<ObservationEvent>;

export interface EffectTask {
  readonly id: string;
  readonly instance: string;
  readonly effect: Exclude<Effect, { kind: 'effect.withdraw' }>;
  readonly definition: Definition;
  /** Of a guest that is taken up: another one was booted since its memory was saved. */
  readonly replacesAnother?: boolean;
}

/** What effects are carried out with. */
export interface Operators extends TrafficOperators {
  readonly hypervisor: Hypervisor;
  readonly hooks: Hooks | undefined;
  /** The host's answer, at once. */
  readonly admit: (asked: AdmissionQuestion) => Unstamped<AdmissionAnswer>;
}

/** May this instance be started, although nobody asked for it just now? */
export interface AdmissionQuestion {
  readonly instance: string;
  /** Its newest run. */
  readonly run: number;
  readonly purpose: Purpose;
  readonly definition: Definition;
}
export type AdmissionAnswer = Extract<ObservationEvent, { type: 'host.granted' | 'host.held' }>;

export async function perform(operators: Operators, task: EffectTask, control: EffectControl): Promise<ResultEvent> {
  const { hypervisor } = operators;
  const { effect, instance } = task;
  const ref = { instance, run: effect.run };
  switch (effect.kind) {
    case 'instance.prepare':
      return prepare(hypervisor, task);
    case 'instance.remove':
      return remove(operators, task);
    case 'vmm.boot':
      return boot(operators, task, control, (spec) => hypervisor.boot(spec, control));
    case 'vmm.restore':
      return boot(operators, task, control, (spec) => hypervisor.restore(spec, { snapshot: effect.snapshot }, control));
    case 'vmm.pause':
      return toEvent(task, await hypervisor.pause(ref, control));
    case 'vmm.resume':
      return toEvent(task, await hypervisor.resume(ref, control));
    case 'vmm.snapshot':
      return toEvent(task, await hypervisor.snapshot(ref, newSnapshot(effect), control));
    case 'vmm.shutdown':
      return toEvent(task, await hypervisor.shutdown(ref, control));
    case 'vmm.kill':
      return toEvent(task, await hypervisor.kill(ref, control));
    case 'vmm.inspect':
      return { type: 'vmm.found', run: effect.run, found: await hypervisor.adopt(ref) };
    case 'snapshot.drop':
      return toEvent(task, await hypervisor.dropSnapshot(instance, { snapshot: effect.snapshot }));
    case 'snapshot.copy': {
      const as = { snapshot: effect.as, to_run_on: isSleepersSnapshot(effect.as) };
      return toEvent(task, await hypervisor.copySnapshot(instance, { snapshot: effect.snapshot }, as, control));
    }
    case 'snapshot.fork': {
      const source = { instance: effect.source, snapshot: effect.snapshot };
      return toEvent(task, await hypervisor.forkSnapshot(source, { instance, snapshot: effect.as }, control));
    }
    case 'guest.set_clock':
      return setClock(operators, task, control);
    case 'traffic.confirm':
      return confirmIdle(operators, { ...ref, definition: task.definition });
    case 'host.admit':
      return operators.admit({ instance, run: effect.run, purpose: effect.purpose, definition: task.definition });
    case 'hook.run':
      return toEvent(task, await runHook(operators.hooks, task, effect, control));
  }
}

async function prepare(hypervisor: Hypervisor, task: EffectTask): Promise<ResultEvent> {
  const { image, memory_bytes } = task.definition;
  const refused = await hypervisor.checkImage(image, memory_bytes);
  return refused === null ? toEvent(task, { outcome: 'done', result: null }) : failed(task, refused);
}

/** A run that is to fall asleep gives its memory away; one that goes on after it does not. */
function newSnapshot({ run, snapshot }: { readonly run: number; readonly snapshot: string }): NewSnapshot {
  return { snapshot, takes_memory: snapshot === standbySnapshot(run) };
}

async function runHook(
  hooks: Hooks | undefined,
  { instance, definition: { name } }: EffectTask,
  { run, hook, moment }: Extract<Effect, { kind: 'hook.run' }>,
  control: EffectControl,
): Promise<Outcome> {
  if (hooks !== undefined) return hooks.run({ instance, name, run, hook, moment }, control);
  return { outcome: 'failed', error: { code: 'hook_unknown', message: `This host has no hook ${hook}.` } };
}

/** The network first: without it no VMM is spawned, so a failure here certainly left no run behind. */
async function boot(
  operators: Operators,
  task: EffectTask,
  control: EffectControl,
  spawn: (spec: RunSpec) => Promise<Outcome<BootResult>>,
): Promise<ResultEvent> {
  const { instance, effect, definition } = task;
  const { name, image, vcpus, memory_bytes } = definition;
  const connected = await connectRun(operators.network, instance, definition.network, control.signal);
  if ('error' in connected) return control.signal.aborted ? withdrawn(task) : failed(task, connected.error);
  if (isNewcomer(effect) || task.replacesAnother === true) await forgetFormer(operators, definition.network);
  const spec = { instance, run: effect.run, name, image, vcpus, memory_bytes, network: connected.network };
  return bootResult(task, await spawn(spec));
}

/** Whoever boots, and a fork in its first run: nobody has ever spoken to this guest under its addresses. */
function isNewcomer(effect: Effect): boolean {
  return effect.kind === 'vmm.boot' || (effect.kind === 'vmm.restore' && effect.snapshot === FORKED_SNAPSHOT);
}

/** The network last: while a VMM lives, which keeps its files, it keeps its tap too. */
async function remove({ hypervisor, network }: Operators, task: EffectTask): Promise<ResultEvent> {
  const removed = await hypervisor.remove(task.instance);
  if (removed.outcome !== 'done' || task.definition.network.mode !== 'bridge') return toEvent(task, removed);
  const error = (await network?.detach(task.instance)) ?? null;
  return error === null ? toEvent(task, removed) : failed(task, error);
}

/** The instant is taken as late as can be: the guest's clock is set to it. */
async function setClock(
  { hypervisor, clock }: Operators,
  task: EffectTask,
  control: EffectControl,
): Promise<ResultEvent> {
  const { effect, instance } = task;
  const outcome = await hypervisor.setClock({ instance, run: effect.run }, clock.now(), control);
  const event = toEvent(task, outcome);
  if (event.type !== 'effect.done' || outcome.outcome !== 'done') return event;
  const { drift_ms } = outcome.result;
  return { ...event, drift_ms: drift_ms === null ? null : Math.round(drift_ms) };
}

function bootResult(task: EffectTask, outcome: Outcome<{ pid: number | null }>): ResultEvent {
  const event = toEvent(task, outcome);
  return event.type === 'effect.done' && outcome.outcome === 'done' ? { ...event, pid: outcome.result.pid } : event;
}

function toEvent(task: EffectTask, outcome: Outcome<unknown>): Unstamped<EffectResult> {
  const { kind, run } = task.effect;
  const about = { effect: task.id, kind, run, ...(kind === 'hook.run' && { number: task.effect.number }) };
  switch (outcome.outcome) {
    case 'done':
      return { type: 'effect.done', ...about, ...endOf(outcome.ended) };
    case 'failed':
      return { type: 'effect.failed', ...about, error: bounded(outcome.error), ...endOf(outcome.ended) };
    case 'withdrawn':
      return { type: 'effect.withdrawn', ...about };
    case 'unknown':
      return { type: 'effect.unknown', ...about, error: bounded(outcome.error) };
  }
}

/** An adapter's words go into a record, and a record has its bounds. */
function bounded({ code, message }: OperationError): OperationError {
  return { code, message: message.slice(0, ERROR_MESSAGE_MAX) };
}

function endOf(ended: RunEnd | undefined): { ended?: RunEnd } {
  return ended === undefined ? {} : { ended };
}

export function failed(task: EffectTask, error: OperationError): ResultEvent {
  return toEvent(task, { outcome: 'failed', error });
}

export function withdrawn(task: EffectTask): ResultEvent {
  return toEvent(task, { outcome: 'withdrawn' });
}

export function unknown(task: EffectTask, error: OperationError): ResultEvent {
  return toEvent(task, { outcome: 'unknown', error });
}
