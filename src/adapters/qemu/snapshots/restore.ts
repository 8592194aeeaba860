import type {
  BootResult,
  EffectControl,
  OperationError,
  Outcome,
  RunSpec,
  SnapshotRef,
} from '../../../actors/contracts/hypervisor.ts';
import type { Accelerator } from '../accelerator.ts';
import { factsOf, isWithdrawn, keptOnDisk, prepareRun } from '../boot.ts';
import { type BootOptions, type ComeUp, comeUp } from '../come-up.ts';
import { NETWORK_DEVICE, restoringCommandLine, shapeDifference } from '../command-line.ts';
import type { Image } from '../image/store.ts';
import { COMMAND_LIMIT_MS, queryStatus } from '../monitor.ts';
import { type QmpConnection, QmpError } from '../qmp.ts';
import { giveUpRun, type RunFacts, readLastWords, runDirectory, writeMarks } from '../run-directory.ts';
import { copyMemoryToRunOn } from './copy-memory.ts';
import { unlessGivenUp } from './files.ts';
import { migrationEnd, prepareMigration, queryVmm } from './migration.ts';
import { giveIdentity, type IdentityPlan, planIdentity } from './new-identity.ts';
import type { PatientAgents } from './patient-agents.ts';
import { failed, failureOf, limited, type SnapshotTools } from './save.ts';
import { LOADING_URI, sendState } from './state-transfer.ts';
import { linkMemory, type SoundSnapshot } from './store.ts';
import { undoRestore } from './undo-restore.ts';
import { consume, forgetConsumed } from './woken.ts';

/** How long a VMM may take from its greeting until its guest can be let go: an empty source would leave it waiting for ever. */
export const LOAD_LIMIT_MS = 20_000;

type Restored = Outcome<BootResult>;
type Up = Extract<ComeUp, { came: 'up' }>;

export interface RestoreTools extends SnapshotTools {
  readonly boot: BootOptions;
  readonly agents: PatientAgents;
  readonly loadLimitMs: number;
}

/** Restores a run: verifies the snapshot, takes the run, starts a VMM that waits, loads it, and lets the guest go. */
export async function restoreRun(
  tools: RestoreTools,
  given: {
    readonly spec: RunSpec;
    readonly from: SnapshotRef;
    readonly image: Image;
    readonly accelerator: Accelerator;
  },
  control: EffectControl,
): Promise<Restored> {
  const { spec, from, image, accelerator } = given;
  const { boot, store } = tools;
  const verifying = store.verify(spec.instance, from.snapshot, control.signal);
  const verified = await unlessGivenUp(verifying, control.signal).catch(failureOf);
  if (isWithdrawn(control)) return { outcome: 'withdrawn' };
  if ('outcome' in verified) return verified;
  if ('error' in verified) return { outcome: 'failed', error: verified.error };
  const { snapshot } = verified;
  const made = factsOf(spec, image, accelerator, boot);
  if ('error' in made) return { outcome: 'failed', error: made.error };
  const mismatch = mismatchOf(snapshot, made.facts);
  if (mismatch !== null) return failed('snapshot_mismatch', `snapshot ${from.snapshot} is of ${mismatch}`);
  const identity = planIdentity(snapshot.manifest, made.facts, spec, image);
  if (identity.plan === 'impossible') return { outcome: 'failed', error: identity.error };
  const facts = { ...made.facts, argv: restoringCommandLine(made.facts.argv), restored_from: from.snapshot };
  const directory = runDirectory(boot.root, spec);
  const refused = await prepareRun(directory, facts, () => furnish(snapshot, directory, identity, control.signal));
  if (refused !== null) return refused;
  if (isWithdrawn(control)) {
    await giveUpRun(directory, facts.token);
    return { outcome: 'withdrawn' };
  }
  const kept = keptOnDisk(directory);
  const there = await comeUp(spec, facts, control, boot);
  const outcome =
    there.came === 'up'
      ? await wake(tools, { spec, directory, snapshot, there, facts, identity, kept }, control)
      : notUp(there);
  if (outcome.outcome === 'done') return outcome;
  if (there.came !== 'down') await there.watch?.close();
  // Whatever kept the guest from being let go, nothing may be left of this run.
  const isUndone = await undoRestore(directory, snapshot.directory, tools.clock).catch(failureOf);
  if (isUndone === true) return outcome;
  const livesOn = { code: 'timed_out', message: 'a VMM that was to restore lives on' };
  return { outcome: 'unknown', error: isUndone === false ? livesOn : isUndone.error };
}

function notUp(there: Exclude<ComeUp, Up>): Exclude<Restored, { outcome: 'done' }> {
  return there.came === 'withdrawn' ? { outcome: 'withdrawn' } : there.outcome;
}

/** In what this snapshot is not of the guest that is to be restored; null: it is. */
function mismatchOf({ manifest }: SoundSnapshot, facts: RunFacts): string | null {
  if (manifest.image !== facts.image) return `image ${manifest.image}, not ${facts.image}`;
  if (manifest.accelerator !== facts.accelerator) return `${manifest.accelerator}, not ${facts.accelerator}`;
  const difference = shapeDifference(manifest.shape, facts.shape);
  return difference === null ? null : `a machine with ${difference}`;
}

/** Puts into the directory of a run what its VMM finds there. */
async function furnish(
  snapshot: SoundSnapshot,
  directory: string,
  { plan }: IdentityPlan,
  signal: AbortSignal,
): Promise<OperationError | null> {
  try {
    // A guest that is to become another one runs before it is known whether it will: on a copy, so that nothing is lost.
    if (plan === 'command') await copyMemoryToRunOn(snapshot.directory, directory, signal);
    else await linkMemory(snapshot.directory, directory);
    const ready_at = snapshot.manifest.ready ? snapshot.manifest.taken_at : null;
    await writeMarks(directory, { ready_at, reboots_seen_until: null });
    return null;
  } catch (error) {
    return failureOf(error).error;
  }
}

interface Waking {
  readonly spec: RunSpec;
  readonly directory: string;
  readonly facts: RunFacts;
  readonly snapshot: SoundSnapshot;
  readonly there: Up;
  readonly identity: IdentityPlan;
  /** The run is on the disk. */
  readonly kept: ReturnType<typeof keptOnDisk>;
}

/** Loads the guest into a VMM that waits for it, and lets it go. */
async function wake(tools: RestoreTools, waking: Waking, control: EffectControl): Promise<Restored> {
  const { there, facts, spec } = waking;
  const time = limited(control, tools.clock, tools.loadLimitMs);
  try {
    const problem = (await load(tools, waking, time.signal)) ?? (await waking.kept);
    if (control.signal.aborted || !control.stillWanted()) return { outcome: 'withdrawn' };
    if (problem !== null) return problem;
    const monitor = there.watch.monitor();
    if (monitor === null) return failed('qmp_closed', 'the VMM ended when its guest was to be let go');
    const refused = await letGo(tools, waking, monitor, control);
    if (refused !== null) return refused;
    there.keep();
    // Nobody waits for that: somebody may be waiting for the guest.
    void forgetConsumed(waking.directory);
    if (waking.snapshot.manifest.ready) {
      tools.boot.emit({ type: 'guest.ready', instance: spec.instance, run: spec.run, occurred_at: tools.clock.now() });
    }
    return { outcome: 'done', result: { pid: there.identity.pid, accelerator: facts.accelerator } };
  } catch (error) {
    return failureOf(error);
  } finally {
    time.release();
  }
}

/** Null once the guest runs as who it is to be. */
async function letGo(
  tools: RestoreTools,
  waking: Waking,
  monitor: QmpConnection,
  control: EffectControl,
): Promise<Restored | null> {
  const { identity, spec, there } = waking;
  const hasLink = spec.network.mode !== 'none';
  if (identity.plan === 'command') {
    if (hasLink) await monitor.execute('set_link', COMMAND_LIMIT_MS, { name: NETWORK_DEVICE, up: false });
    await monitor.execute('cont', COMMAND_LIMIT_MS);
    there.register();
    const error = await giveIdentity({ ...tools, random: tools.boot.random }, spec, identity, control.signal);
    if (isWithdrawn(control)) return { outcome: 'withdrawn' };
    if (error !== null) return { outcome: 'failed', error };
    await consume(waking.directory, waking.snapshot.directory);
    if (hasLink) await monitor.execute('set_link', COMMAND_LIMIT_MS, { name: NETWORK_DEVICE, up: true });
    return null;
  }
  await consume(waking.directory, waking.snapshot.directory);
  // From here on the snapshot is the guest's, whatever happens: it may have run.
  await monitor.execute('cont', COMMAND_LIMIT_MS).catch((error: unknown) => {
    if (error instanceof QmpError && error.code === 'qmp_refused') throw error;
  });
  return null;
}

async function load(tools: RestoreTools, { there, directory, snapshot }: Waking, signal: AbortSignal) {
  const monitor = there.watch.monitor();
  if (monitor === null) return failed('qmp_closed', 'the VMM ended before it was given its guest');
  const { vmm } = snapshot.manifest;
  try {
    // Together: the VMM answers in order. To listen changes nothing, and nothing is sent before it is known who listens.
    const [present] = await Promise.all([
      queryVmm(monitor),
      prepareMigration(monitor),
      monitor.execute('migrate-incoming', COMMAND_LIMIT_MS, { uri: LOADING_URI }),
    ]);
    if (present.version !== vmm.version || present.machine !== vmm.machine) {
      const message = `the snapshot is of QEMU ${vmm.version} (${vmm.machine}), not ${present.version} (${present.machine})`;
      return failed('snapshot_mismatch', message);
    }
    await sendState(directory, snapshot.state, signal);
    const end = await migrationEnd(monitor, tools.clock, signal);
    if (end.status === 'aborted') return failed('timed_out', `the guest was not loaded within ${tools.loadLimitMs} ms`);
    if (end.status === 'failed') return failed('restore_failed', end.message || 'the VMM did not take the state');
    const status = await queryStatus(monitor);
    return status === 'paused' ? null : failed('restore_failed', `the loaded guest is ${status}`);
  } catch (error) {
    if (!(error instanceof QmpError)) throw error;
    return failed('restore_failed', readLastWords(directory) ?? error.message);
  }
}
