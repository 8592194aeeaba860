import type { Deed, Fault, Operation, WorldAnswer, WorldRequest } from './wire.ts';
import { awaitReady, endRun } from './world-runs.ts';
import {
  EVERY_INSTANCE,
  instanceOf,
  isLive,
  isWatched,
  type SimulatedRun,
  settingOf,
  voidRun,
  type WorldState,
} from './world-state.ts';

/** Shells add this to the number of a signal that ended a program. */
const SIGNAL_EXIT_BASE = 128;

const DONE: WorldAnswer = { answer: 'done', pid: null, ended: null };
const refused = (code: string, message: string): WorldAnswer => ({ answer: 'failed', code, message, ended: null });

/** What a guest does by itself; only one whose time runs can. */
function guestDoes(state: WorldState, run: SimulatedRun, deed: Deed): void {
  const powerOff = (code: number | null): void => {
    endRun(state, run, { reason: 'power_off', code, message: null }, 'guest');
  };
  if (typeof deed === 'object') {
    if ('write' in deed) run.memory = deed.write;
    else powerOff('exit' in deed ? deed.exit : SIGNAL_EXIT_BASE + deed.signal);
    return;
  }
  if (deed === 'power_off') powerOff(null);
  if (deed === 'panic') endRun(state, run, { reason: 'panic', code: null, message: 'the guest panicked' }, 'guest');
  if (deed !== 'reboot') return;
  if (!isWatched(state, run)) run.rebootedUnseen = true;
  run.ready = false;
  run.memory = '';
  // A kernel that boots reads its clock anew.
  run.clockBehindMs = 0;
  state.emit({ type: 'guest.rebooted', instance: run.instance, run: run.run, occurred_at: state.clock.now() });
  awaitReady(state, run, settingOf(state, run.instance, 'boot_ms'));
}

/** Something befalls a run: by its guest, or from outside. Without a run number, the newest live one. */
export function befall(state: WorldState, request: Extract<WorldRequest, { op: 'deed' }>): WorldAnswer {
  const instance = instanceOf(state, request.instance);
  const run = request.run === undefined ? [...instance.live].at(-1) : instance.runs.get(request.run);
  if (!isLive(run)) return refused('not_running', `no VMM of ${request.instance} is alive`);
  const { deed } = request;
  if (deed === 'sigkill') endRun(state, run, { reason: 'killed', code: null, message: null }, 'outside');
  else if (deed === 'crash') endRun(state, run, { reason: 'crashed', code: null, message: null }, 'outside');
  else if (deed === 'vanish') endRun(state, run, { reason: 'unknown', code: null, message: null }, 'outside');
  else if (run.phase === 'paused') return refused('paused', 'a paused guest does nothing');
  else guestDoes(state, run, deed);
  return DONE;
}

/** The machine went down and came up: a new boot id, and no VMM of before is left. */
export function hostReboot(state: WorldState): WorldAnswer {
  for (const run of state.starting) voidRun(state, run);
  for (const instance of state.instances.values()) {
    for (const run of instance.live) endRun(state, run, { reason: 'host_reboot', code: null, message: null }, 'host');
  }
  state.bootId = state.random.hex(16);
  state.record({ type: 'host.rebooted', boot_id: state.bootId });
  return DONE;
}

export function setFault(state: WorldState, request: Extract<WorldRequest, { op: 'fault' }>): WorldAnswer {
  const { instance, operation, fault, times } = request;
  const faults = state.faults.get(instance) ?? new Map();
  faults.set(operation, { fault, remaining: times });
  state.faults.set(instance, faults);
  return DONE;
}

/** The fault that strikes this operation now, used up by one. An instance's own goes before that of every instance. */
export function nextFault(state: WorldState, instance: string, operation: Operation): Fault {
  for (const key of [instance, EVERY_INSTANCE]) {
    const faults = state.faults.get(key);
    const planned = faults?.get(operation);
    if (planned === undefined) continue;
    if (planned.remaining === null) return planned.fault;
    planned.remaining -= 1;
    if (planned.remaining === 0) faults!.delete(operation);
    return planned.fault;
  }
  return 'ok';
}
