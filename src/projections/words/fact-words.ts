import type { Fact } from '../../../machines/facts.ts';
import { clockTime, codeWords, heldWords, listWords, messageWords, plainWords, spanWords } from './plain.ts';

/** What was decided, in words: one entry for each type of fact. */

type Table = { readonly [T in Fact['type']]?: (fact: Extract<Fact, { type: T }>) => string };

const TABLE: Table = {
  'instance.created': ({ name, wanted }) => `${name} created, wanted ${wanted}`,
  'instance.prepared': () => 'prepared',
  'instance.prepare_failed': ({ message }) => `not prepared${messageWords(message)}`,
  'instance.updated': ({ parts }) => `updated ${listWords(parts)}`,
  'instance.boot_requested': ({ run, cause }) => `boot requested (run ${run}, ${cause})`,
  'instance.booted': ({ run }) => `run ${run} booted`,
  'instance.ready': ({ run }) => `run ${run} ready`,
  'instance.stop_requested': ({ run, cause, force }) =>
    `stop requested (run ${run}, ${cause}${force ? ', by force' : ''})`,
  'instance.kill_requested': ({ run, cause }) => `kill requested (run ${run}, ${cause})`,
  'instance.ended': ({ run, planned, reason, code }) =>
    `run ${run} ended ${planned ? 'as planned' : 'unplanned'}: ${reason}${codeWords(code)}`,
  'instance.lost': ({ run, message }) => `run ${run} lost${messageWords(message)}`,
  'instance.found': ({ run }) => `run ${run} found again`,
  'instance.quarantined': ({ message }) => `quarantined${messageWords(message)}`,
  'instance.remove_requested': () => 'removal of its files requested',
  'instance.deleted': () => 'deleted',
  'intent.changed': ({ wanted }) => `wanted ${wanted}`,
  'guest.rebooted': ({ run }) => `still run ${run}`,
  'restart.scheduled': ({ attempt, due, cause }) => `restart attempt ${attempt} due at ${clockTime(due)} (${cause})`,
  'restart.attempted': ({ attempt, cause }) => `restart attempt ${attempt} (${cause})`,
  'restart.blocked': ({ reason }) => `restarts blocked: ${reason}`,
  'restart.reset': ({ cause }) => `restart attempts forgotten (${cause})`,
  'restart.gated': ({ attempt, until }) =>
    `restart attempt ${attempt} (health) decided again at ${clockTime(until)}, when the last restart has had its time`,
  'restart.cancelled': ({ attempt, cause }) => `restart attempt ${attempt} (${cause}) cancelled, wanted as before`,
  'health.changed': ({ from, to, error }) => `health ${from} -> ${to}${messageWords(error)}`,
  'host.mode_changed': ({ mode }) => `noted that the host is in mode ${mode}`,
  'host.held': ({ purpose, reason }) => `held back (${plainWords(purpose)}): ${heldWords(reason)}`,
  'hook.ended': ({ hook, moment, outcome, message }) =>
    `hook ${hook} ${plainWords(moment)}: ${plainWords(outcome)}${messageWords(message)}`,
  'standby.countdown_started': ({ due }) => `idle, standby due at ${clockTime(due)}`,
  'standby.countdown_cancelled': ({ cause }) => `standby called off (${cause})`,
  'standby.requested': ({ cause }) => `standby requested (${cause})`,
  'standby.abandoned': ({ cause }) => `standby given up (${cause})`,
  'standby.entered': ({ run, snapshot }) => `run ${run} put into standby as ${snapshot}`,
  'standby.held': ({ until }) => `standby held off until ${clockTime(until)}`,
  'standby.asleep_too_long': (fact) => `asleep for too long, to be followed by ${fact.then}`,
  'snapshot.created': ({ name }) => `snapshot ${name} created`,
  'snapshot.failed': ({ name, message }) => `snapshot ${name} failed${messageWords(message)}`,
  'snapshot.deleted': ({ name }) => `snapshot ${name} deleted`,
  'snapshot.restored': ({ name }) => `snapshot ${name} brought back`,
  'guest.clock_set': ({ run, drift_ms }) =>
    drift_ms === null
      ? `run ${run} has no agent to set its clock`
      : `clock of run ${run} set, it was off by ${spanWords(Math.abs(drift_ms))}`,
  'guest.clock_not_set': ({ run, message }) => `clock of run ${run} not set${messageWords(message)}`,
  'schedule.skipped': ({ schedule, cause }) => `nothing came of the schedule for ${schedule} (${cause})`,
  'instance.restore_requested': ({ run, snapshot }) => `restore requested (run ${run}, from ${snapshot})`,
  'instance.restored': ({ run }) => `run ${run} restored`,
  'instance.restore_failed': ({ run, snapshot, message }) =>
    `run ${run} could not take up ${snapshot}, the guest sleeps on${messageWords(message)}`,
  'expiry.armed': ({ expires_at }) => `expires at ${clockTime(expires_at)}`,
  // `then` names what happens, as a field of the fact, and is nothing to call.
  'expiry.due': (fact) => `expired, to be followed by ${fact.then}`,
};

export function factWords(fact: { readonly type: string }): string {
  const own = (TABLE as Readonly<Record<string, ((fact: never) => string) | undefined>>)[fact.type];
  return own?.(fact as never) ?? plainWords(fact.type);
}
