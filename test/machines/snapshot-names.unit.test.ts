import { expect, it } from 'vitest';
import { copiedFrom, snapshotsNamedIn } from '../../machines/snapshot-names.ts';
import { PLACES } from './places.ts';

/** Which snapshots an instance needs in each state; `null`: nobody can tell. Any other of its own is nobody's. */
const NEEDED: Readonly<Record<string, readonly string[] | null>> = {
  preparing: ['run-0'],
  forking: ['run-0'],
  stopped: [],
  failed: [],
  'booting.spawning': [],
  'booting.awaiting_guest': [],
  running: [],
  quiescing: [],
  'pausing.freezing': ['run-1'],
  'pausing.frozen': ['run-1'],
  snapshotting: ['run-1'],
  sealing: ['run-1'],
  'capturing.freezing': ['kept'],
  'capturing.saving': ['kept'],
  // It goes on with the memory that the snapshot has taken, and has it dropped once it runs.
  resuming: ['run-1'],
  'standby.sleeping': ['run-1'],
  'standby.copying': ['kept', 'run-1'],
  'standby.waking.asking': ['run-1'],
  'standby.waking.held': ['run-1'],
  'restoring.taking_up': ['run-1'],
  'restoring.answering': ['run-1'],
  reverting: ['kept', 'run-1-kept'],
  'stopping.withdrawing': [],
  'stopping.before_stop': [],
  'stopping.graceful': [],
  'stopping.graceful, then boot': [],
  'stopping.killing': [],
  'stopping.killing, then standby': ['run-1'],
  lost: null,
  'lost, ready before': null,
  'lost, stop pending': null,
  quarantined: null,
  deleting: null,
  deleted: null,
};

it.each(Object.entries(PLACES))('%s needs its snapshots, and no others', (place, arrive) => {
  const named = snapshotsNamedIn(arrive().snapshot());
  expect(named === null ? null : [...named].sort()).toEqual(NEEDED[place]);
});

it('a fork needs the snapshot of the other instance until it has its copy', () => {
  expect(copiedFrom(PLACES.forking!().snapshot())).toEqual({ instance: 'another', snapshot: 'kept' });
  expect(copiedFrom(PLACES.preparing!().snapshot())).toBeNull();
  expect(copiedFrom(PLACES.running!().snapshot())).toBeNull();
});
