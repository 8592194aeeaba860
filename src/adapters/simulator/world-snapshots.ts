import type { SnapshotListing } from '../../actors/contracts/hypervisor.ts';
import type { ActRequest, WorldAnswer, WorldRequest } from './wire.ts';
import { instanceOf, type KeptSnapshot, type SimulatedRun, settingOf, type WorldState } from './world-state.ts';

/** The snapshots of the simulated world, and the clocks of its guests, which stand still with them. */

/** Snapshots one instance may have at a time. */
const SNAPSHOTS_MAX = 64;

const done = (drift?: number | null): WorldAnswer => ({
  answer: 'done',
  pid: null,
  ended: null,
  ...(drift === undefined ? {} : { drift_ms: drift }),
});
const failed = (code: string, message: string): WorldAnswer => ({ answer: 'failed', code, message, ended: null });

function keep(state: WorldState, id: string, name: string, snapshot: KeptSnapshot): WorldAnswer | null {
  const instance = instanceOf(state, id);
  instance.snapshots ??= new Map();
  if (instance.snapshots.size >= SNAPSHOTS_MAX && !instance.snapshots.has(name)) {
    return failed('too_many_snapshots', `an instance has at most ${SNAPSHOTS_MAX} snapshots`);
  }
  instance.snapshots.set(name, snapshot);
  return null;
}

/** How far the clock of a guest is behind now: it stands still while the guest is paused. */
function clockBehind(state: WorldState, run: SimulatedRun): number {
  return run.clockBehindMs + (run.pausedAt === null ? 0 : state.clock.now() - run.pausedAt);
}

/** Saves a paused run. */
export function saveRun(
  state: WorldState,
  run: SimulatedRun,
  { snapshot, effect, takes_memory }: Extract<ActRequest, { op: 'snapshot' }>,
): WorldAnswer {
  if (run.phase !== 'paused') return failed('not_paused', 'only a paused VM can be saved');
  const guest = {
    ready: run.ready,
    memory: run.memory,
    clock_behind_ms: clockBehind(state, run),
    saved_at: state.clock.now(),
  };
  const refused = keep(state, run.instance, snapshot, { guest, memoryOf: takes_memory ? run : null, damage: null });
  if (refused !== null) return refused;
  state.record({ type: 'snapshot.written', instance: run.instance, run: run.run, snapshot, effect, guest });
  return done();
}

/** The snapshot of that name when it is in order, else the refusal of it. */
export function findSnapshot(
  state: WorldState,
  id: string,
  name: string,
): { readonly found: KeptSnapshot } | { readonly refused: WorldAnswer } {
  const found = state.instances.get(id)?.snapshots?.get(name);
  if (found === undefined) return { refused: failed('snapshot_missing', 'the instance has no snapshot of this name') };
  if (found.damage !== null) return { refused: failed(found.damage, 'the simulated snapshot is damaged') };
  return { found };
}

/** Lets the guest of a snapshot go on as this run: from now on the snapshot is not there any more. */
export function consume(state: WorldState, run: SimulatedRun, name: string, { guest }: KeptSnapshot): void {
  run.memory = guest.memory;
  run.clockBehindMs = guest.clock_behind_ms + (guest.saved_at === null ? 0 : state.clock.now() - guest.saved_at);
  drop(state, run.instance, name);
}

export function drop(state: WorldState, instance: string, snapshot: string): void {
  const dropped = state.instances.get(instance)?.snapshots?.delete(snapshot);
  if (dropped) state.record({ type: 'snapshot.dropped', instance, snapshot });
}

/** A snapshot that has taken the memory of a run does not outlive that the run goes on. */
export function dropWithMemoryOf(state: WorldState, run: SimulatedRun): void {
  for (const [name, { memoryOf }] of state.instances.get(run.instance)?.snapshots ?? []) {
    if (memoryOf === run) drop(state, run.instance, name);
  }
}

export function copy(state: WorldState, request: Extract<ActRequest, { op: 'copy_snapshot' }>): WorldAnswer {
  const { instance, snapshot, to, effect, manner, operation } = request;
  if (manner === 'lie') {
    state.record({ type: 'lie.told', operation, instance, run: 0, effect });
    return done();
  }
  const source = findSnapshot(state, instance, snapshot);
  if ('refused' in source) return source.refused;
  if (manner === 'crash') return failed('copy_failed', 'the simulated copy broke off');
  const { guest } = source.found;
  const refused = keep(state, to.instance, to.snapshot, { guest, memoryOf: null, damage: null });
  if (refused !== null) return refused;
  state.record({ type: 'snapshot.copied', ...to, from: { instance, snapshot }, effect, guest });
  return done();
}

export function list(state: WorldState, id: string): readonly SnapshotListing[] {
  return [...(state.instances.get(id)?.snapshots ?? [])]
    .map(([snapshot, { guest }]) => ({ snapshot, bytes: guest.memory.length, taken_at: guest.saved_at }))
    .toSorted((a, b) => (a.snapshot < b.snapshot ? -1 : 1));
}

/** Something befalls a snapshot on its disk. */
export function damage(state: WorldState, request: Extract<WorldRequest, { op: 'damage' }>): WorldAnswer {
  const snapshots = state.instances.get(request.instance)?.snapshots;
  const found = snapshots?.get(request.snapshot);
  if (found === undefined) return failed('snapshot_missing', 'there is no such snapshot');
  if (request.damage === 'snapshot_missing') drop(state, request.instance, request.snapshot);
  else found.damage = request.damage;
  return done();
}

/** Sets the clock of a guest that runs. */
export function setClock(
  state: WorldState,
  run: SimulatedRun,
  { at, effect }: Extract<ActRequest, { op: 'set_clock' }>,
): WorldAnswer {
  const agent = settingOf(state, run.instance, 'agent');
  if (agent === 'none') return done(null);
  if (agent === 'silent' || run.phase !== 'running') {
    return failed('agent_unanswered', 'the agent of the simulated guest does not answer');
  }
  const now = state.clock.now();
  const drift = Math.round(clockBehind(state, run) + at - now);
  run.clockBehindMs = now - at;
  state.record({ type: 'clock.set', instance: run.instance, run: run.run, effect, drift_ms: drift });
  return done(drift);
}
