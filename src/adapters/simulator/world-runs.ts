import type { RunEnd } from '../../actors/contracts/hypervisor.ts';
import { startGuestTimer } from './guest-timer.ts';
import type { ActRequest, WorldAnswer } from './wire.ts';
import { consume, copy, dropWithMemoryOf, findSnapshot, saveRun, setClock } from './world-snapshots.ts';
import {
  forgetOldRuns,
  instanceOf,
  isLive,
  type KeptSnapshot,
  type SimulatedRun,
  settingOf,
  voidRun,
  type WorldState,
  watchRun,
} from './world-state.ts';

type EndWithoutTime = Omit<RunEnd, 'ended_at'>;
const KILLED: EndWithoutTime = { reason: 'killed', code: null, message: null };
const CRASHED: EndWithoutTime = { reason: 'crashed', code: null, message: 'the simulated VMM crashed' };

const done = (ended: RunEnd | null = null): WorldAnswer => ({ answer: 'done', pid: null, ended });
const failed = (code: string, message: string, ended: RunEnd | null = null): WorldAnswer => ({
  answer: 'failed',
  code,
  message,
  ended,
});

/** Ends a live VMM, writes it into the journal and tells observers. `by`: an effect id, `guest`, `outside`, `host`, `world`. */
export function endRun(state: WorldState, run: SimulatedRun, how: EndWithoutTime, by: string): RunEnd {
  const end = { ...how, ended_at: state.clock.now() };
  const instance = instanceOf(state, run.instance);
  run.readyTimer?.cancel();
  run.shutdownTimer?.cancel();
  run.readyTimer = null;
  run.shutdownTimer = null;
  run.phase = 'ended';
  run.end = end;
  run.memory = '';
  instance.live.delete(run);
  state.record({ type: 'vmm.ended', instance: run.instance, run: run.run, pid: run.pid, ...end, by });
  forgetOldRuns(instance);
  state.emit({ type: 'vmm.exited', instance: run.instance, run: run.run, ...end });
  return end;
}

/** From now on so much of the guest's time, then it is ready. */
export function awaitReady(state: WorldState, run: SimulatedRun, delayMs: number): void {
  run.readyTimer?.cancel();
  run.readyTimer = startGuestTimer(state.clock, delayMs, run.phase === 'paused', () => {
    run.readyTimer = null;
    run.ready = true;
    state.emit({ type: 'guest.ready', instance: run.instance, run: run.run, occurred_at: state.clock.now() });
  });
}

/** Starts the VMM of a run that was prepared, and of no other: what was released, removed or started is refused. */
function spawn(
  state: WorldState,
  request: Extract<ActRequest, { op: 'boot' | 'restore' }>,
  saved: KeptSnapshot | null,
  owner: object,
): WorldAnswer {
  const { instance: id, run: number, effect, manner } = request;
  const instance = instanceOf(state, id);
  const run = instance.runs.get(number);
  if (run?.phase !== 'starting' || run.owner !== owner) {
    state.record({ type: 'spawn.refused', instance: id, run: number, effect });
    return failed('run_taken', 'this run was started before');
  }
  const pid = state.nextPid++;
  if (manner === 'lie') {
    voidRun(state, run);
    state.record({ type: 'lie.told', operation: request.op, instance: id, run: number, effect });
    return { answer: 'done', pid, ended: null };
  }
  state.starting.delete(run);
  run.owner = null;
  run.pid = pid;
  run.phase = 'running';
  watchRun(run, owner);
  instance.live.add(run);
  const from = request.op === 'restore' ? request.snapshot : null;
  state.record({ type: 'vmm.spawned', instance: id, run: number, pid, boot_id: state.bootId, effect, from });
  if (manner === 'crash') {
    return failed('vmm_crashed', 'the simulated VMM crashed as it started', endRun(state, run, CRASHED, effect));
  }
  if (request.op === 'restore' && saved !== null) consume(state, run, request.snapshot, saved);
  awaitReady(state, run, saved?.guest.ready ? 0 : settingOf(state, id, 'boot_ms'));
  return { answer: 'done', pid, ended: null };
}

function start(
  state: WorldState,
  request: Extract<ActRequest, { op: 'boot' | 'restore' }>,
  owner: object,
): WorldAnswer {
  if (request.op === 'boot') return spawn(state, request, null, owner);
  const saved = findSnapshot(state, request.instance, request.snapshot);
  if ('found' in saved) return spawn(state, request, saved.found, owner);
  const run = instanceOf(state, request.instance).runs.get(request.run);
  if (run?.owner === owner) voidRun(state, run);
  return saved.refused;
}

function pause(state: WorldState, run: SimulatedRun, effect: string): WorldAnswer {
  if (run.phase === 'paused') return done();
  run.phase = 'paused';
  run.pausedAt = state.clock.now();
  run.readyTimer?.freeze();
  run.shutdownTimer?.freeze();
  state.record({ type: 'vmm.paused', instance: run.instance, run: run.run, effect });
  return done();
}

function resume(state: WorldState, run: SimulatedRun, effect: string): WorldAnswer {
  if (run.phase === 'running') return done();
  run.phase = 'running';
  run.clockBehindMs += run.pausedAt === null ? 0 : state.clock.now() - run.pausedAt;
  run.pausedAt = null;
  dropWithMemoryOf(state, run);
  run.readyTimer?.thaw();
  run.shutdownTimer?.thaw();
  state.record({ type: 'vmm.resumed', instance: run.instance, run: run.run, effect });
  return done();
}

function shutdown(state: WorldState, run: SimulatedRun, effect: string): WorldAnswer {
  state.record({ type: 'shutdown.asked', instance: run.instance, run: run.run, effect });
  if (settingOf(state, run.instance, 'ignores_shutdown') || run.shutdownTimer !== null) return done();
  const shutdownMs = settingOf(state, run.instance, 'shutdown_ms');
  run.shutdownTimer = startGuestTimer(state.clock, shutdownMs, run.phase === 'paused', () => {
    endRun(state, run, { reason: 'power_off', code: null, message: null }, effect);
  });
  return done();
}

/** What a request does to a VMM that is live. */
function actOnLive(state: WorldState, request: ActRequest, run: SimulatedRun): WorldAnswer {
  const { effect } = request;
  switch (request.op) {
    case 'pause':
      return pause(state, run, effect);
    case 'resume':
      return resume(state, run, effect);
    case 'snapshot':
      return saveRun(state, run, request);
    case 'set_clock':
      return setClock(state, run, request);
    case 'shutdown':
      return shutdown(state, run, effect);
    case 'kill':
      return done(endRun(state, run, KILLED, effect));
    default:
      throw new Error(`${request.op} does not act on a live VMM`);
  }
}

/** What a request answers when no VMM of the run lives. A run that has not begun is never begun after a kill of it. */
function actOnAbsent(state: WorldState, request: ActRequest, run: SimulatedRun | undefined): WorldAnswer {
  if (run?.phase === 'starting' && request.op === 'kill') voidRun(state, run);
  if (request.op === 'kill' || request.op === 'shutdown') return done(run?.end ?? null);
  return failed('not_running', 'no VMM of this run is alive', run?.end ?? null);
}

/** Does what a request asks, in the manner it asks for. Null: it is done and no answer will ever come. */
export function act(state: WorldState, request: ActRequest, owner: object): WorldAnswer | null {
  const { op, instance: id, run: number, effect, manner } = request;
  if (op === 'copy_snapshot' || op === 'boot' || op === 'restore') {
    const answer = op === 'copy_snapshot' ? copy(state, request) : start(state, request, owner);
    return manner === 'hang_after' ? null : answer;
  }
  const run = instanceOf(state, id).runs.get(number);
  if (op === 'kill') state.record({ type: 'kill.asked', instance: id, run: number, effect });
  if (!isLive(run)) return manner === 'hang_after' ? null : actOnAbsent(state, request, run);
  if (manner === 'lie') {
    state.record({ type: 'lie.told', operation: op, instance: id, run: number, effect });
    return done(op === 'kill' ? { ...KILLED, ended_at: state.clock.now() } : null);
  }
  if (manner === 'crash') {
    const ended = endRun(state, run, CRASHED, effect);
    return op === 'kill' ? done(ended) : failed('vmm_crashed', `the simulated VMM crashed during ${op}`, ended);
  }
  const answer = actOnLive(state, request, run);
  return manner === 'hang_after' ? null : answer;
}
