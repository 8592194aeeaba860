import { ask, askRestore, intend, noteBooted, noteResumed, sayClock, sayClockNotSet } from '../../actions.ts';
import { beginStop } from '../../end-actions.ts';
import { all, expiring, foundAs, foundReady, ignored, not, notBooted, ofThisRun, resultOf } from '../../guards.ts';
import { chart, type Moment } from '../../setup.ts';
import { whileComingUp } from './coming-up.ts';
import { goLost, neverLetGo, onEnd } from './ends.ts';
import { deletePaused, expirePaused, stopPaused } from './falling-asleep.ts';
import { gracefully } from './gracefully.ts';
import { backToSleep } from './refused-restore.ts';

/** The ways back: a paused guest is let go, a sleeping one is taken up from its snapshot and has to answer. */

const stopWords = [...intend('stopped'), ...beginStop('operator', 'rest')];
const deleteWords = [...intend('stopped'), ...beginStop('delete', 'delete')];

/** While it was paused its clock stood still. */
const resumed = [...noteResumed, ask('guest.set_clock')];
const foundRunning = all(ofThisRun, foundAs('running'));

export const resuming = {
  id: 'resuming',
  tags: ['has_run' as const, 'waits' as const],
  entry: ask('vmm.resume'),
  after: { resume_deadline: goLost },
  on: {
    stop: stopPaused,
    delete: deletePaused,
    'expiry.reached': expirePaused,
    ...whileComingUp,
    'vmm.exited': onEnd(),
    'effect.done': { guard: resultOf('vmm.resume'), target: '#running', actions: resumed },
    'effect.failed': { guard: resultOf('vmm.resume'), ...goLost },
    'effect.unknown': { guard: resultOf('vmm.resume'), ...goLost },
    'vmm.found': [
      { guard: all(ofThisRun, foundReady), target: '#running', actions: resumed },
      { guard: all(ofThisRun, foundAs('starting', 'running', 'paused')), target: '#resuming', reenter: true },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      ...onEnd(),
    ],
  },
};

/** The guest is let go in here, and nowhere before. */
const takingUp = {
  id: 'taking_up',
  entry: askRestore,
  on: {
    stop: { target: '#withdrawing', actions: stopWords },
    delete: { target: '#withdrawing', actions: deleteWords },
    'expiry.reached': [
      { guard: expiring('stop'), target: '#withdrawing', actions: beginStop('expiry', 'rest') },
      { guard: expiring('delete'), target: '#withdrawing', actions: beginStop('expiry', 'delete') },
    ],
    'vmm.exited': [{ guard: neverLetGo, target: '#standby', actions: backToSleep }, ...onEnd()],
    'effect.done': { guard: resultOf('vmm.restore'), target: '#answering', actions: noteBooted },
    'effect.failed': { guard: resultOf('vmm.restore'), target: '#standby', actions: backToSleep },
    'effect.withdrawn': { guard: resultOf('vmm.restore'), target: '#standby', actions: backToSleep },
    'effect.unknown': { guard: resultOf('vmm.restore'), ...goLost },
    'vmm.found': [
      { guard: all(ofThisRun, foundAs('none')), target: '#taking_up', reenter: true },
      { guard: foundRunning, target: '#answering', actions: noteBooted },
      {
        guard: all(ofThisRun, foundAs('starting', 'paused')),
        target: '#answering',
        actions: [...noteBooted, ask('vmm.resume')],
      },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      { guard: neverLetGo, target: '#standby', actions: backToSleep },
      ...onEnd(),
    ],
  },
};

/** The run has ended as nobody asked: what follows is for the restart policy to say. */
const unanswered = beginStop('unanswered', 'rest');

const restored = [
  chart.emit(({ context }: { context: { run: { number: number } } }) => ({
    type: 'instance.restored' as const,
    run: context.run.number,
  })),
  ...noteResumed,
];

/** Its clock was not set, for another reason than that nobody is there: it runs, and its health will tell more. */
const goesOn = { target: '#running', actions: [sayClockNotSet, ...restored] };

const saysUnanswered = ({ event }: Moment): boolean =>
  event.type === 'effect.failed' && event.error.code === 'agent_unanswered';

/** It runs, but whether anybody is alive in there is known only when it answers. */
const answering = {
  id: 'answering',
  entry: ask('guest.set_clock'),
  on: {
    stop: [{ guard: forcedStop, target: '#killing', actions: stopWords }, ...gracefully(stopWords)],
    delete: gracefully(deleteWords),
    'expiry.reached': [
      ...gracefully(beginStop('expiry', 'rest'), expiring('stop')),
      ...gracefully(beginStop('expiry', 'delete'), expiring('delete')),
    ],
    'vmm.exited': onEnd(),
    'effect.done': { guard: resultOf('guest.set_clock'), target: '#running', actions: [sayClock, ...restored] },
    'effect.failed': [
      {
        guard: all(resultOf('guest.set_clock'), saysUnanswered, not(ignored)),
        target: '#killing',
        actions: unanswered,
      },
      { guard: resultOf('guest.set_clock'), ...goesOn },
      { guard: resultOf('vmm.resume'), ...goLost },
    ],
    'effect.unknown': [
      { guard: resultOf('guest.set_clock'), ...goesOn },
      { guard: resultOf('vmm.resume'), ...goLost },
    ],
    'vmm.found': [
      { guard: foundRunning, target: '#answering', reenter: true },
      {
        guard: all(ofThisRun, foundAs('starting', 'paused')),
        target: '#answering',
        reenter: true,
        actions: ask('vmm.resume'),
      },
      { guard: all(ofThisRun, foundAs('unreachable', 'other_run')), ...goLost },
      ...onEnd(),
    ],
  },
};

function forcedStop({ event }: Moment): boolean {
  return event.type === 'stop' && event.force === true;
}

export const restoring = {
  id: 'restoring',
  initial: 'taking_up',
  tags: ['has_run' as const, 'waits' as const],
  after: {
    restore_deadline: [
      { guard: all(ignored, notBooted), ...goLost },
      { guard: ignored, ...goesOn },
      { guard: notBooted, target: '#withdrawing', actions: beginStop('boot_timeout', 'rest') },
      { target: '#killing', actions: unanswered },
    ],
  },
  on: whileComingUp,
  states: { taking_up: takingUp, answering },
} as const;
