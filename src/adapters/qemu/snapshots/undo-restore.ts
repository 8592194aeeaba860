import type { Clock } from '../../../actors/contracts/clock.ts';
import { forgetRun } from '../forgotten-runs.ts';
import { giveUpRun, isAsleepStill, readRunState } from '../run-directory.ts';
import { isKilled } from '../run-ending.ts';
import type { sync } from './files.ts';
import { giveBack } from './woken.ts';

/** Sees to it that the run never was, and that the snapshot is where it was. False when its VMM does not go. */
export async function undoRestore(
  directory: string,
  snapshot: string,
  clock: Clock,
  syncOf?: typeof sync,
): Promise<boolean> {
  const state = readRunState(directory);
  if (state.state === 'none') return true;
  if (state.state === 'waiting') return giveUpRun(directory, state.facts.token);
  // The snapshot first: whoever looks in between, a later daemon too, finds a run that never was, and none that has ended.
  if (!isAsleepStill(directory, state.facts)) await giveBack(directory, snapshot, syncOf);
  if (state.state === 'alive' && !(await isKilled(state.identity, clock))) return false;
  await forgetRun(directory, state.facts.token);
  return true;
}
