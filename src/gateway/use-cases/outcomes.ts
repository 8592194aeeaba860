import { awaitsStart, hasComeToRest } from '../../../machines/public-states.ts';
import type { CommandOutcome, Verb } from './contract.ts';
import type { Sight } from './waiting.ts';

/**
 * What each command is for, read off the views that follow it. `missed`: it came to rest elsewhere, or another command
 * decided otherwise. A pending automatic start is not rest.
 */
type Verdict = Exclude<CommandOutcome, 'timed_out'> | null;

function becomesRunning({ view, deleted }: Sight): Verdict {
  if (view.state === 'Running' && !deleted) return 'reached';
  return deleted || hasComeToRest(view.phase) ? 'missed' : null;
}

function becomesStopped({ view, deleted }: Sight): Verdict {
  if (deleted) return 'reached';
  if (view.state === 'Stopped' && !awaitsStart(view.phase)) return 'reached';
  const otherwise = view.state === 'Running' || view.state === 'Initializing' || view.phase === 'quarantined';
  return otherwise ? 'missed' : null;
}

function becomesStandby({ view, deleted }: Sight): Verdict {
  if (view.state === 'Standby' && !deleted) return 'reached';
  return deleted || view.state === 'Running' || hasComeToRest(view.phase) ? 'missed' : null;
}

function isCreatedStopped({ view, deleted }: Sight): Verdict {
  if (view.phase === 'stopped') return 'reached';
  return deleted || hasComeToRest(view.phase) ? 'missed' : null;
}

const reachedAtOnce = (): Verdict => 'reached';

/** The judge of one command; `wanted` is what a create asked for. */
export function judgeOf(verb: Verb, wanted: 'running' | 'stopped'): (sight: Sight) => Verdict {
  switch (verb) {
    case 'create':
      return wanted === 'running' ? becomesRunning : isCreatedStopped;
    case 'start':
    case 'restart':
    case 'restore':
      return becomesRunning;
    case 'stop':
      return becomesStopped;
    case 'standby':
      return becomesStandby;
    case 'delete':
      return ({ deleted }) => (deleted ? 'reached' : null);
    default:
      return reachedAtOnce;
  }
}
