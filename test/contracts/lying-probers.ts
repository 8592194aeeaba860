import type { ProbeResult, Prober } from '../../src/actors/contracts/probe.ts';
import { type SimulatedQuestions, simulatedProberWorld } from '../adapters/simulator/simulated-prober.world.ts';
import type { ProberWorld } from './prober.world.ts';

/** A prober that breaks one promise, and the check that must notice it. */
export interface LyingProber {
  /** Ends the sentence "a prober that ...". */
  readonly lie: string;
  readonly breaks: string;
  readonly make: () => Promise<ProberWorld>;
}

type Probe = Prober['probe'];
type Lie = (honest: Probe, questions: SimulatedQuestions) => Probe;

function liar(lie: string, breaks: string, tell: Lie): LyingProber {
  const make = (): Promise<ProberWorld> =>
    simulatedProberWorld((honest, questions) => ({
      probe: tell((guest, check, signal) => honest.probe(guest, check, signal), questions),
    }));
  return { lie, breaks, make };
}

/** Says something else where the honest one says this. */
function instead(of: ProbeResult['result'], said: ProbeResult): Lie {
  return (honest) => async (guest, check, signal) => {
    const answer = await honest(guest, check, signal);
    return answer.result === of ? said : answer;
  };
}

function never(): Promise<ProbeResult> {
  return new Promise(() => undefined);
}

/** Does not settle while the workload is silent, whatever the time and the signal say. */
const hangs: Lie = (honest, questions) => (guest, check, signal) =>
  questions.workload === 'silent' && guest.instance === 'guest' ? never() : honest(guest, check, signal);

export const lyingProbers: readonly LyingProber[] = [
  liar(
    'calls every workload sick',
    'a workload that is well passes',
    instead('passed', { result: 'failed', error: 'not well' }),
  ),
  liar(
    'calls every workload well',
    'a workload that is not well fails, and it is said why',
    instead('failed', { result: 'passed' }),
  ),
  liar(
    'does not say why',
    'a workload that is not well fails, and it is said why',
    instead('failed', { result: 'failed', error: '' }),
  ),
  liar(
    'blames the guest for what the host cannot do',
    'a guest that cannot be asked is unavailable, which is neither passed nor failed, and it is said why',
    instead('unavailable', { result: 'failed', error: 'it could not be asked' }),
  ),
  liar('remembers its first answer', 'the workload is asked anew each time', (honest) => {
    let first: Promise<ProbeResult> | undefined;
    return (guest, check, signal) => {
      first ??= honest(guest, check, signal);
      return first;
    };
  }),
  liar(
    'tries again before it says that a workload is not well',
    'one call asks once, whatever comes of it',
    (honest) => {
      return async (guest, check, signal) => {
        const answer = await honest(guest, check, signal);
        return answer.result === 'failed' ? honest(guest, check, signal) : answer;
      };
    },
  ),
  liar(
    'repeats what the guest says',
    'an error is one line that is safe to show, of at most 512 bytes, whatever the guest says',
    instead('failed', { result: 'failed', error: '\u001b[2Jall is well\r\n' }),
  ),
  liar(
    'repeats all that the guest says',
    'an error is one line that is safe to show, of at most 512 bytes, whatever the guest says',
    instead('failed', { result: 'failed', error: 'ü'.repeat(300) }),
  ),
  liar('waits for ever', 'a workload that does not answer has failed when the time is up', hangs),
  liar(
    'takes silence for consent',
    'a workload that does not answer has failed when the time is up',
    instead('failed', { result: 'passed' }),
  ),
  liar(
    'takes the end of its time for a withdrawal',
    'a workload that has not answered has failed when the prober is told that the time is up',
    instead('failed', { result: 'unavailable', error: 'withdrawn' }),
  ),
  liar('does not hear that it is withdrawn', 'a probe that is withdrawn settles soon, and nothing of it passes', hangs),
  liar(
    'asks before it looks whether it is wanted',
    'a probe that was withdrawn before it began asks nobody',
    (honest) => (guest, check) => honest(guest, check, new AbortController().signal),
  ),
  liar(
    'leaves its questions open',
    'no question stays open, neither after an answer nor after the time nor after a withdrawal',
    (honest, questions) => (guest, check, signal) => {
      questions.open += 1;
      return honest(guest, check, signal);
    },
  ),
  liar(
    'asks one guest after the other',
    'the silence of one guest delays the answer of no other',
    (honest, questions) => {
      let before: Promise<unknown> = Promise.resolve();
      return (guest, check, signal) => {
        const withdrawn = new Promise<ProbeResult>((resolve) => {
          signal.addEventListener('abort', () => resolve({ result: 'unavailable', error: 'withdrawn' }));
        });
        const isSilent = questions.workload === 'silent' && guest.instance === 'guest';
        const answer = before.then(() => (isSilent ? withdrawn : honest(guest, check, signal)));
        before = answer;
        return answer;
      };
    },
  ),
];
