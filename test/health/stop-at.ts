import assert from 'node:assert/strict';
import type { InstanceRecord } from '../../machines/record.ts';
import { systemClock } from '../../src/actors/clock.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import type { Moment, SickGuest, SickWard } from './sick-guests.ts';

/** A health restart of a real guest, and what a stop in the middle of it must come to. */

const LIMIT_MS = 120_000;
const clock = systemClock();

export const written = ({ point, subject }: Moment): string => `${point} ${subject}`;

const asksToBoot = ({ effects }: InstanceRecord): boolean => effects.some(({ kind }) => kind === 'vmm.boot');

/** Every moment from the first failed probe to the guest that is ready again, of a restart that nobody disturbs. */
export async function momentsOfRestart(ward: SickWard): Promise<Moment[]> {
  const guest = await ward.admit('undisturbed');
  await guest.makeSick();
  await untilTrue(() => guest.run() === 2 && guest.health() === 'healthy', 'it is healthy again', LIMIT_MS);
  assert.equal(guest.records.filter(asksToBoot).length, 2, 'it was restarted once');
  const moments = guest.moments.filter(({ subject }) => subject !== 'probe.passed');
  await guest.stop();
  return moments;
}

/**
 * A guest that is sick again right after its restart has to wait for the next one: it is stopped while it waits, or at the
 * instant at which the waiting is over.
 */
export async function stopInBackoff(ward: SickWard, when: 'waiting' | 'over'): Promise<void> {
  const guest = await ward.admit(`backoff-${when}`);
  const due: Moment = { point: 'timer_due', subject: 'timer.backoff' };
  let stopping: Promise<unknown> | undefined;
  guest.at(due, () => (stopping = guest.stop()));
  for (const run of [1, 2]) {
    await untilTrue(() => guest.run() === run && guest.health() === 'healthy', `run ${run} is healthy`, LIMIT_MS);
    await guest.makeSick();
    await untilTrue(() => guest.health() !== 'healthy', `run ${run} is sick`, LIMIT_MS);
  }
  await untilTrue(() => guest.restart() === 'backoff', 'the second restart has to wait', LIMIT_MS);
  if (when === 'waiting') stopping = guest.stop();
  await untilTrue(() => stopping !== undefined, 'the backoff is over', LIMIT_MS);
  await stopping;
  await untilTrue(() => guest.phase() === 'stopped', `stopped when the backoff was ${when}`, LIMIT_MS);
  await ward.supervisor.quiet();
  await assertStaysStopped(guest, due);
}

/** A guest is made sick, and stopped at one moment of the restart that follows: it stays stopped. */
export async function stopAt(ward: SickWard, moment: Moment): Promise<void> {
  const guest = await ward.admit(written(moment).replaceAll(/[ ._]/g, '-'));
  let stopping: Promise<unknown> | undefined;
  guest.at(moment, () => {
    stopping = guest.stop();
    // A command waits behind the letter at hand; it is enough that it waits there.
    return moment.point.startsWith('effect_') ? stopping : clock.turn();
  });
  await guest.makeSick();
  await untilTrue(() => stopping !== undefined, `${written(moment)} was reached`, LIMIT_MS);
  await stopping;
  await untilTrue(() => guest.phase() === 'stopped', `stopped at ${written(moment)}`, LIMIT_MS);
  await ward.supervisor.quiet();
  await assertStaysStopped(guest, moment);
}

/** Nothing is asked for, nothing is under way, and nothing will come by itself: that is what staying means. */
async function assertStaysStopped({ records, pids, phase }: SickGuest, moment: Moment): Promise<void> {
  const stopped = records.findIndex(({ event }) => event.type === 'stop');
  assert.deepEqual(records.slice(stopped).filter(asksToBoot), [], `no boot is asked for after ${written(moment)}`);
  assert.equal(records.at(-1)?.state.context.intent.wanted, 'stopped', written(moment));
  assert.deepEqual(pendingTimers(records), [], `no timer is left after ${written(moment)}`);
  assert.deepEqual(await pids(), [], `no VMM lives after ${written(moment)}`);
  assert.equal(phase(), 'stopped', written(moment));
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
export async function stopAtEach(ward: SickWard, moments: readonly Moment[], atOnce: number): Promise<void> {
  const left = [...moments];
  const next = async (): Promise<void> => {
    for (let moment = left.shift(); moment !== undefined; moment = left.shift()) await stopAt(ward, moment);
  };
  await Promise.all(Array.from({ length: atOnce }, next));
}
