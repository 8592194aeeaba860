import assert from 'node:assert/strict';
import { systemClock } from '../../src/actors/clock.ts';
import type {
  BootResult,
  EffectControl,
  Hypervisor,
  Observation,
  Outcome,
  RunRef,
  RunSpec,
  SnapshotErrorCode,
  SnapshotPlace,
} from '../../src/actors/contracts/hypervisor.ts';

/**
 * What the hypervisor contract needs from an implementation's test: the hypervisor and hands to do from outside what
 * guests, operators and the kernel do. One world serves one check and is destroyed after it.
 */
export interface HypervisorWorld {
  readonly hypervisor: Hypervisor;
  /**
   * A fresh hypervisor object over the same world, as after the daemon was killed: the former object is closed and
   * knows nothing more; VMMs live on.
   */
  reopen(): Promise<Hypervisor>;
  /** A bootable specification of the run. */
  spec(run: RunRef, overrides?: Partial<RunSpec>): RunSpec;
  readonly guest: {
    /** The workload ends with `code`, and the guest turns itself off. */
    exit(ref: RunRef, code: number): Promise<void>;
    panic(ref: RunRef): Promise<void>;
    reboot(ref: RunRef): Promise<void>;
    /** The guest turns itself off without having reported an exit code. */
    powerOff(ref: RunRef): Promise<void>;
    /** Puts a text into the guest's memory, in place of the one before. */
    remember(ref: RunRef, text: string): Promise<void>;
    /** Whether that text is what its memory holds. */
    remembers(ref: RunRef, text: string): Promise<boolean>;
  };
  /** Does to a snapshot, past the hypervisor object, what it is to be refused for with that code. */
  damage(place: SnapshotPlace, code: SnapshotErrorCode): Promise<void>;
  /** The wall clock of this world, epoch ms. */
  now(): number;
  readonly vmm: {
    /** Ends the VMM process with SIGKILL, from outside of the hypervisor object. */
    sigkill(ref: RunRef): Promise<void>;
  };
  /** VMM processes of an instance that live now, counted without asking the hypervisor object. */
  countVmms(instance: string): Promise<number>;
  destroy(): Promise<void>;
  /** How to wait for a condition; by default a poll on the machine's clock, `CONDITION_LIMIT_MS` long at most. */
  until?(condition: () => boolean | Promise<boolean>, what: string): Promise<void>;
}

/** Bound of one wait: an emulated guest on a busy machine needs several seconds to boot. */
export const CONDITION_LIMIT_MS = 45_000;
const CONDITION_STEP_MS = 20;

/** Waits until the condition holds; fails, naming it, when it does not hold within the limit. */
export async function untilTrue(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs: number = CONDITION_LIMIT_MS,
): Promise<void> {
  const clock = systemClock();
  const deadline = clock.monotonic() + limitMs;
  while (!(await condition())) {
    assert.ok(clock.monotonic() < deadline, `not within ${limitMs} ms: ${what}`);
    await clock.sleep(CONDITION_STEP_MS);
  }
}

/** The control of an effect that stays wanted. */
export function wanted(effect = 'contract/1/0'): EffectControl {
  return { effect, signal: new AbortController().signal, stillWanted: () => true };
}

/** The control of an effect that a newer record has withdrawn, seen by the last question only or by the signal too. */
export function withdrawn(by: 'question' | 'signal'): EffectControl {
  const signal = by === 'signal' ? AbortSignal.abort() : new AbortController().signal;
  return { effect: 'contract/1/0', signal, stillWanted: () => false };
}

/** A world, the hypervisor object that is current in it, and everything observed by each object. */
export interface Scene {
  readonly world: HypervisorWorld;
  readonly current: () => Hypervisor;
  /** Replaces the hypervisor object; what was observed before is forgotten. */
  readonly reopen: () => Promise<Hypervisor>;
  /** Observations of a run by the current object, in order. */
  readonly seen: (ref: RunRef, type: Observation['type']) => Observation[];
  readonly until: (condition: () => boolean | Promise<boolean>, what: string) => Promise<void>;
}

/** Starts a scene: observations of the current hypervisor object are collected from now on. */
export function openScene(world: HypervisorWorld): Scene {
  let hypervisor = world.hypervisor;
  let observations: Observation[] = [];
  const watch = (): void => {
    const list: Observation[] = [];
    observations = list;
    hypervisor.observe((observation) => list.push(observation));
  };
  watch();
  return {
    world,
    current: () => hypervisor,
    reopen: async () => {
      hypervisor = await world.reopen();
      watch();
      return hypervisor;
    },
    seen: (ref, type) =>
      observations.filter((one) => one.type === type && one.instance === ref.instance && one.run === ref.run),
    until: (condition, what) => (world.until ?? untilTrue)(condition, what),
  };
}

/** Boots a run and asserts that it was done. */
export async function bootRun(scene: Scene, ref: RunRef): Promise<BootResult> {
  const outcome: Outcome<BootResult> = await scene.current().boot(scene.world.spec(ref), wanted());
  if (outcome.outcome !== 'done') assert.fail(`the boot was not done: ${JSON.stringify(outcome)}`);
  return outcome.result;
}

/** Boots a run and waits until its guest is ready. */
export async function bootReady(scene: Scene, ref: RunRef): Promise<BootResult> {
  const result = await bootRun(scene, ref);
  await scene.until(() => scene.seen(ref, 'guest.ready').length > 0, `${ref.instance} is ready`);
  return result;
}

/** Waits for the observed end of a run and answers it. */
export async function observedEnd(scene: Scene, ref: RunRef): Promise<Observation & { readonly type: 'vmm.exited' }> {
  await scene.until(() => scene.seen(ref, 'vmm.exited').length > 0, `the end of ${ref.instance} is observed`);
  const end = scene.seen(ref, 'vmm.exited')[0];
  if (end?.type !== 'vmm.exited') assert.fail('no end was observed');
  return end;
}
