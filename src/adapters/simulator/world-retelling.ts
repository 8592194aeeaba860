import type { JournalLine } from './journal.ts';
import { forgetOldRuns, instanceOf, takeToken, type WorldState } from './world-state.ts';

/**
 * Rebuilds what a new world can know from the journal of one whose process is gone. The VMMs lived in that process,
 * so none of them is alive: a run whose end was not written ended then, for a reason and at a time nobody knows.
 */
export function retell(state: WorldState, lines: readonly JournalLine[]): void {
  for (const line of lines) retellLine(state, line);
  for (const instance of state.instances.values()) {
    for (const run of instance.live) {
      const end = {
        reason: 'unknown' as const,
        code: null,
        message: 'the process of the simulated world died',
        ended_at: null,
      };
      run.phase = 'ended';
      run.end = end;
      state.record({ type: 'vmm.ended', instance: run.instance, run: run.run, pid: run.pid, ...end, by: 'world' });
    }
    instance.live.clear();
    forgetOldRuns(instance);
  }
}

function retellLine(state: WorldState, line: JournalLine): void {
  switch (line.type) {
    case 'vmm.spawned': {
      const run = takeToken(state, line.instance, line.run, null);
      if (run === null) return;
      state.starting.delete(run);
      run.pid = line.pid;
      run.phase = 'running';
      instanceOf(state, line.instance).live.add(run);
      state.nextPid = Math.max(state.nextPid, line.pid + 1);
      return;
    }
    case 'vmm.ended': {
      const instance = instanceOf(state, line.instance);
      const run = instance.runs.get(line.run);
      if (run === undefined) return;
      run.phase = 'ended';
      run.end = { reason: line.reason, code: line.code, message: line.message, ended_at: line.ended_at };
      instance.live.delete(run);
      forgetOldRuns(instance);
      return;
    }
    case 'snapshot.written':
    case 'snapshot.copied': {
      const instance = instanceOf(state, line.instance);
      instance.snapshots ??= new Map();
      instance.snapshots.set(line.snapshot, { guest: line.guest, memoryOf: null, damage: null });
      return;
    }
    case 'snapshot.dropped':
      state.instances.get(line.instance)?.snapshots?.delete(line.snapshot);
      return;
    case 'instance.removed':
      state.instances.delete(line.instance);
      return;
    default:
      return;
  }
}
