import { awaitsStart, hasComeToRest, isLeftUp } from '../../../machines/public-states.ts';
import type { CommandOutcome, Verb } from './contract.ts';
import type { Sight } from './waiting.ts';

/**
 * What each command is for, read off the views that follow it. `missed`: it came to rest elsewhere, or another command
 * decided otherwise. A pending automatic start is not rest.
 */
type Verdict = Exclude<CommandOutcome, 'timed_out'> | null;

/** What a command asked for beyond its name. */
export interface Wish {
  /** Of a create, a fork, and a snapshot that is brought back; running when absent. */
  readonly wanted?: 'running' | 'stopped' | 'standby';
  readonly snapshot?: string;
}

function becomesRunning({ view, deleted }: Sight): Verdict {
  if (view.state === 'Running' && !deleted) return 'reached';
  return deleted || hasComeToRest(view.phase) ? 'missed' : null;
}

function becomesStopped({ view, deleted }: Sight): Verdict {
  if (deleted) return 'reached';
  if (view.state === 'Stopped' && !awaitsStart(view.phase)) return 'reached';
  return isLeftUp(view.phase) ? 'missed' : null;
}

function becomesStandby({ view, deleted }: Sight): Verdict {
  if (view.state === 'Standby' && !deleted) return 'reached';
  return deleted || view.state === 'Running' || hasComeToRest(view.phase) ? 'missed' : null;
}

function isCreatedStopped({ view, deleted }: Sight): Verdict {
  if (view.phase === 'stopped') return 'reached';
  return deleted || hasComeToRest(view.phase) ? 'missed' : null;
}

const hasSnapshot = (name: string | undefined, { view }: Sight): boolean =>
  view.snapshots?.some((snapshot) => snapshot.name === name) === true;
const worksOn = (name: string | undefined, { view, deleted }: Sight): boolean =>
  !deleted && view.snapshot_under_way === name;

function gainsSnapshot(name: string | undefined, sight: Sight): Verdict {
  // A guest that ran goes on before its snapshot counts as taken.
  if (worksOn(name, sight) || (sight.view.state === 'Paused' && !sight.deleted)) return null;
  return hasSnapshot(name, sight) && !sight.deleted ? 'reached' : 'missed';
}

/** Nothing that is seen before the snapshot is back says anything about what becomes of it. */
function comesBack({ wanted, snapshot }: Wish, sight: Sight): Verdict {
  if (worksOn(snapshot, sight)) return null;
  return wanted === 'standby' ? becomesStandby(sight) : becomesRunning(sight);
}

function begins({ wanted = 'running' }: Wish): (sight: Sight) => Verdict {
  if (wanted === 'running') return becomesRunning;
  return wanted === 'standby' ? becomesStandby : isCreatedStopped;
}

const reachedAtOnce = (): Verdict => 'reached';

/** The judge of one command. */
export function judgeOf(verb: Verb, wish: Wish): (sight: Sight) => Verdict {
  switch (verb) {
    case 'create':
    case 'fork':
      return begins(wish);
    case 'start':
    case 'restart':
    case 'restore':
      return becomesRunning;
    case 'stop':
      return becomesStopped;
    case 'standby':
      return becomesStandby;
    case 'create_snapshot':
      return (sight) => gainsSnapshot(wish.snapshot, sight);
    case 'restore_snapshot':
      return (sight) => comesBack(wish, sight);
    case 'delete_snapshot':
      return (sight) => (sight.deleted || !hasSnapshot(wish.snapshot, sight) ? 'reached' : null);
    case 'delete':
      return ({ deleted }) => (deleted ? 'reached' : null);
    default:
      return reachedAtOnce;
  }
}
