import assert from 'node:assert/strict';
import type { InstanceRecord } from '../../machines/record.ts';
import { systemClock } from '../../src/actors/clock.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { type Moment, type SickGuest, type SickWard, tellingHistory } from './sick-guests.ts';

/** A restart of a real guest, because it is sick or has crashed, and what a stop in the middle of it must come to. */

const LIMIT_MS = 120_000;
const clock = systemClock();

/** What a guest is restarted for. */
export type Upset = 'sick' | 'crashed';
const upset = (guest: SickGuest, how: Upset): Promise<void> => (how === 'sick' ? guest.makeSick() : guest.crash());

/** A run that had ended by itself before the stop stays one that failed. */
const isAtRest = (guest: SickGuest, how: Upset): boolean =>
  guest.phase() === 'stopped' || (how === 'crashed' && guest.phase() === 'failed');

export const written = ({ point, subject }: Moment): string => `${point} ${subject}`;

const asksToBoot = ({ effects }: InstanceRecord): boolean => effects.some(({ kind }) => kind === 'vmm.boot');

/** Of one that has crashed no probe needs to fail before its end is known. */
const BY_CHANCE: Readonly<Record<Upset, readonly string[]>> = {
  sick: ['probe.passed'],
  crashed: ['probe.passed', 'probe.failed'],
};
/** Passed only by a guest that takes longer to shut down than it may: on a busy machine one does, and the next does not. */
const OF_A_SLOW_SHUTDOWN = ['timer.stop_deadline', 'vmm.kill'];
/** A verdict for no other reason than a busy machine restarts a guest once more. */
const UNDISTURBED_TRIES = 3;

/** Every moment from the first failed probe, or from the end of the VMM, to the guest that is ready again, of a restart that nobody disturbs. */
export async function momentsOfRestart(ward: SickWard, how: Upset = 'sick'): Promise<Moment[]> {
  for (let attempt = 1; ; attempt++) {
    const guest = await ward.admit(`undisturbed-${how}-${attempt}`);
    const before = guest.records.filter(asksToBoot).length;
    await tellingHistory(guest, async () => {
      const run = guest.run();
      await upset(guest, how);
      await untilTrue(() => guest.run() > run && guest.health() === 'healthy', 'it is healthy again', LIMIT_MS);
    });
    const boots = guest.records.filter(asksToBoot).length - before;
    const moments = [...guest.moments];
    await guest.stop();
    if (before === 1 && boots === 1) {
      return moments.filter(({ subject }) => ![...BY_CHANCE[how], ...OF_A_SLOW_SHUTDOWN].includes(subject));
    }
    const what = `It was booted ${before} times before it was upset, and ${boots} times after that.\n${guest.history()}`;
    assert.ok(attempt < UNDISTURBED_TRIES, what);
    console.log(`${what}\nAnother guest is asked for the moments of a restart that nobody disturbs.`);
  }
}

/**
 * A guest that is sick again, or crashes again, right after its restart has to wait for the next one: it is stopped while it waits, or at the
 * instant at which the waiting is over.
 */
export async function stopInBackoff(ward: SickWard, when: 'waiting' | 'over', how: Upset = 'sick'): Promise<void> {
  const guest = await ward.admit(`backoff-${when}-${how}`);
  const due: Moment = { point: 'timer_due', subject: 'timer.backoff' };
  let stopping: Promise<unknown> | undefined;
  guest.at(due, () => (stopping = guest.stop()));
  const waits = (): boolean => guest.restart() === 'backoff' || stopping !== undefined;
  await tellingHistory(guest, async () => {
    // Twice, but for one that was restarted for another reason too.
    while (!waits()) {
      await untilTrue(() => guest.health() === 'healthy' || waits(), 'it is healthy', LIMIT_MS);
      if (waits()) break;
      const run = guest.run();
      await upset(guest, how);
      await untilTrue(() => guest.run() > run || guest.health() !== 'healthy' || waits(), `it is ${how}`, LIMIT_MS);
    }
    if (when === 'waiting') stopping ??= guest.stop();
    await untilTrue(() => stopping !== undefined, 'the backoff is over', LIMIT_MS);
    await stopping;
    await untilTrue(() => isAtRest(guest, how), `stopped when the backoff was ${when}`, LIMIT_MS);
    await ward.supervisor.quiet();
    await assertStaysStopped(guest, due, how);
  });
}

/** A guest is upset, and stopped at one moment of the restart that follows: it stays stopped. */
export async function stopAt(ward: SickWard, moment: Moment, how: Upset = 'sick'): Promise<void> {
  const guest = await ward.admit(`${how}-${written(moment)}`.replaceAll(/[ ._]/g, '-'));
  let stopping: Promise<unknown> | undefined;
  guest.at(moment, () => {
    stopping = guest.stop();
    // A command waits behind the letter at hand; it is enough that it waits there.
    return moment.point.startsWith('effect_') ? stopping : clock.turn();
  });
  await tellingHistory(guest, async () => {
    await upset(guest, how);
    await untilTrue(() => stopping !== undefined, `${written(moment)} was reached`, LIMIT_MS);
    await stopping;
    await untilTrue(() => isAtRest(guest, how), `stopped at ${written(moment)}`, LIMIT_MS);
    await ward.supervisor.quiet();
    await assertStaysStopped(guest, moment, how);
  });
}

/** Nothing is asked for, nothing is under way, and nothing will come by itself: that is what staying means. */
async function assertStaysStopped(guest: SickGuest, moment: Moment, how: Upset): Promise<void> {
  const { records, pids } = guest;
  const stopped = records.findIndex(({ event }) => event.type === 'stop');
  assert.deepEqual(records.slice(stopped).filter(asksToBoot), [], `no boot is asked for after ${written(moment)}`);
  assert.equal(records.at(-1)?.state.context.intent.wanted, 'stopped', written(moment));
  assert.deepEqual(pendingTimers(records), [], `no timer is left after ${written(moment)}`);
  assert.deepEqual(await pids(), [], `no VMM lives after ${written(moment)}`);
  assert.ok(isAtRest(guest, how), `${guest.phase()} after ${written(moment)}`);
}

/** Timers that were armed and have neither fired nor been cancelled. */
function pendingTimers(records: readonly InstanceRecord[]): string[] {
  const pending = new Set<string>();
  for (const { event, timers } of records) {
    pending.delete(event.type);
    for (const timer of timers.cancelled) pending.delete(timer);
    for (const { name } of timers.armed) pending.add(name);
  }
  return [...pending];
}

/** So many at a time, for a machine with few cores. */
export async function stopAtEach(
  ward: SickWard,
  moments: readonly Moment[],
  atOnce: number,
  how: Upset = 'sick',
): Promise<void> {
  const left = [...moments];
  const next = async (): Promise<void> => {
    for (let moment = left.shift(); moment !== undefined; moment = left.shift()) await stopAt(ward, moment, how);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
}
