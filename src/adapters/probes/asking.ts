import type { Clock } from '../../actors/contracts/clock.ts';
import { PROBE_TIME_UP, type ProbeResult } from '../../actors/contracts/probe.ts';

/**
 * One question with a limit of time. It is answered once; whatever comes first counts, and then all of it is over.
 */

export interface Asking {
  /** What is known when the time is up. */
  readonly atDeadline: () => ProbeResult;
  /** Leaves nothing open. Called once, after the answer. */
  readonly end: () => void;
}

export interface Question {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly begin: (answer: (result: ProbeResult) => void) => Asking;
}

const WITHDRAWN: ProbeResult = { result: 'unavailable', error: 'the probe was withdrawn before its answer' };

export function ask({ clock, timeoutMs, signal, begin }: Question): Promise<ProbeResult> {
  if (signal.aborted) return Promise.resolve(WITHDRAWN);
  return new Promise((resolve, reject) => {
    let answered = false;
    let asking: Asking | undefined;
    const answer = (result: ProbeResult): void => {
      if (answered) return;
      answered = true;
      cancel();
      signal.removeEventListener('abort', withdraw);
      asking?.end();
      resolve(result);
    };
    const withdraw = (): void => answer(signal.reason === PROBE_TIME_UP ? asking!.atDeadline() : WITHDRAWN);
    const expire = async (): Promise<void> => {
      // What has arrived while this process was busy with other things is heard before the time counts as up.
      await clock.turn();
      if (!answered) answer(asking!.atDeadline());
    };
    const cancel = clock.after(timeoutMs, () => void expire());
    signal.addEventListener('abort', withdraw, { once: true });
    try {
      asking = begin(answer);
    } catch (error) {
      cancel();
      signal.removeEventListener('abort', withdraw);
      reject(error);
      return;
    }
    // It may have been answered before there was anything to end.
    if (answered) asking.end();
  });
}
