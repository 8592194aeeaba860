import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { EffectControl, Observation, Outcome, RunRef } from '../../actors/contracts/hypervisor.ts';
import type { ProcessIdentity } from '../../actors/contracts/process-identity.ts';
import { MONITOR_SOCKET } from './command-line.ts';
import { type DirectoryChanges, watchDirectory } from './directory-changes.ts';
import type { Asker } from './readiness.ts';
import { giveUpRun, type RunFacts, readRunState, readStatus, runDirectory } from './run-directory.ts';
import { forgetMemory, isKilled, tellEnd } from './run-ending.ts';
import { type RunWatch, watchRun } from './run-watch.ts';
import { startSupervisor } from './supervisor.ts';

/** From the spawn of a VMM until its monitor answers. */

/** How long a new VMM may take until its monitor greets; about 50 ms on an idle machine. */
export const BOOT_LIMIT_MS = 20_000;
/** A VMM of which nothing is heard is looked at that often all the same. */
const LOOK_MS = 250;
/** What a shell answers when the program cannot be run. */
const CANNOT_RUN_STATUS = [126, 127];

export interface BootOptions extends Asker {
  readonly root: string;
  readonly binary: string;
  readonly random: Random;
  readonly log: (line: string) => void;
  readonly emit: (observation: Observation) => void;
  /** Takes over the watch of a VMM that runs. */
  readonly keep: (watch: RunWatch) => void;
}

/** What there is of a VMM that was spawned. */
export type ComeUp =
  | {
      readonly came: 'up';
      readonly watch: RunWatch;
      readonly identity: ProcessIdentity;
      /** Hands the watch over: from now on the run can be found by others. */
      readonly register: () => void;
      /** That too, and what was seen of it is told. */
      readonly keep: () => void;
    }
  /** Withdrawn while it was starting. `isStarted` false: it certainly never will. */
  | {
      readonly came: 'withdrawn';
      readonly isStarted: boolean;
      readonly watch: RunWatch | null;
      readonly keep: () => void;
    }
  | { readonly came: 'down'; readonly outcome: Exclude<Outcome<never>, { outcome: 'done' }> };

type Down = Extract<ComeUp, { came: 'down' }>;

function down(code: string, message: string): Down {
  return { came: 'down', outcome: { outcome: 'failed', error: { code, message } } };
}

/** How QEMU tells that it cannot forward a port of this host. */
const FORWARD_REFUSED = /could not set up host forwarding rule 'tcp:[\d.]*:(\d+)-/i;

/** Tells why a VMM that ended by itself during its boot did so. */
async function failureOf(directory: string, facts: RunFacts, clock: Clock): Promise<Down> {
  const end = await tellEnd(directory, facts, clock);
  const message = end.message ?? 'the VMM ended before it ran';
  if (CANNOT_RUN_STATUS.includes(readStatus(directory) ?? 0)) return down('hypervisor_missing', message);
  const [, port] = FORWARD_REFUSED.exec(message) ?? [];
  if (port !== undefined) return down('port_in_use', `port ${port} of this host is taken by something else`);
  if (/address already in use/i.test(message)) return down('port_in_use', message);
  if (/could not configure \/dev\/net\/tun/.test(message)) {
    return down(/busy/i.test(message) ? 'tap_busy' : 'no_rights', message);
  }
  return down('spawn_failed', message);
}

/** Holds observations back until the boot is known to be done; those of a boot that failed are dropped. */
function gate(emit: (observation: Observation) => void): {
  readonly emit: (observation: Observation) => void;
  readonly open: () => void;
} {
  let held: Observation[] | null = [];
  return {
    emit: (observation) => {
      if (held === null) emit(observation);
      else held.push(observation);
    },
    open: () => {
      const early = held ?? [];
      held = null;
      for (const observation of early) emit(observation);
    },
  };
}

/** Ends whatever there is of a run that did not come up in time. */
async function abandon(directory: string, facts: RunFacts, clock: Clock): Promise<Down> {
  const limit = { code: 'timed_out', message: `the VMM was not there within ${BOOT_LIMIT_MS} ms` };
  const failed: Down = { came: 'down', outcome: { outcome: 'failed', error: limit } };
  if (await giveUpRun(directory, facts.token)) return failed;
  const state = readRunState(directory);
  if (state.state === 'alive') {
    if (!(await isKilled(state.identity, clock))) {
      return { came: 'down', outcome: { outcome: 'unknown', error: limit } };
    }
    await forgetMemory(directory, facts);
  }
  return failed;
}

/** Spawns a run that is taken, in this tick, and follows it until its monitor answers, it ends, is withdrawn or late. */
export async function comeUp(
  spec: RunRef,
  facts: RunFacts,
  control: EffectControl,
  options: BootOptions,
): Promise<ComeUp> {
  const changes = watchDirectory(runDirectory(options.root, spec), options.clock);
  try {
    return await follow(spec, facts, control, options, changes);
  } finally {
    changes.close();
  }
}

async function follow(
  spec: RunRef,
  facts: RunFacts,
  control: EffectControl,
  options: BootOptions,
  changes: DirectoryChanges,
): Promise<ComeUp> {
  const { clock, probeAddress, log } = options;
  const directory = runDirectory(options.root, spec);
  const ref = { instance: spec.instance, run: spec.run };
  const gated = gate(options.emit);
  const deadline = clock.monotonic() + BOOT_LIMIT_MS;
  const supervisor = startSupervisor(directory, facts);
  let supervisorEnd: { readonly failure: string | null } | null = null;
  void supervisor.ended.then((end) => {
    supervisorEnd = end;
    changes.nudge();
  });
  let watch: RunWatch | null = null;
  let isRegistered = false;
  const register = (): void => {
    if (watch !== null && !isRegistered) options.keep(watch);
    isRegistered = true;
  };
  const keep = (): void => {
    register();
    gated.open();
  };
  let lookAt = 0;
  while (clock.monotonic() < deadline) {
    // A VMM that comes up makes many files: before the one that matters is there, nearly all of them say nothing.
    const isTelling = watch !== null || supervisorEnd !== null || existsSync(join(directory, MONITOR_SOCKET));
    if (!isTelling && !control.signal.aborted && clock.monotonic() < lookAt) {
      await changes.next(deadline - clock.monotonic(), control.signal);
      continue;
    }
    lookAt = clock.monotonic() + LOOK_MS;
    const state = readRunState(directory);
    if (state.state === 'alive' && watch === null && existsSync(join(directory, MONITOR_SOCKET))) {
      const run = { ref, directory, facts, identity: state.identity };
      watch = watchRun(run, { clock, probeAddress, emit: gated.emit, log, isFresh: true });
      void watch.linked.then(changes.nudge);
    }
    if (watch?.monitor() && state.state === 'alive') {
      return { came: 'up', watch, identity: state.identity, register, keep };
    }
    if (state.state === 'gone' || supervisorEnd !== null) {
      await watch?.close();
      if (state.state === 'gone') return failureOf(directory, facts, clock);
      if (state.state !== 'alive' && (await giveUpRun(directory, facts.token))) {
        return down(
          'spawn_failed',
          'the supervisor of the VMM could not be started, or not write down which process it starts',
        );
      }
    }
    if (control.signal.aborted) {
      const isGivenUp = watch === null && (await giveUpRun(directory, facts.token));
      if (isGivenUp) return { came: 'withdrawn', isStarted: false, watch: null, keep };
      return { came: 'withdrawn', isStarted: true, watch, keep };
    }
    await changes.next(deadline - clock.monotonic(), control.signal);
  }
  await watch?.close();
  return abandon(directory, facts, clock);
}
