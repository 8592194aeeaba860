import type { StandbyReport } from '../gateway/use-cases/standby-status.ts';
import { spanWords } from '../projections/words/plain.ts';
import { inWords } from './instance-words.ts';

/** The status of standby in words, as `standby --status` and `hold` print it: a name and a sentence a line. `now`: epoch ms. */
export function standbyRows(name: string, report: StandbyReport, now: number): string[][] {
  const rows: [string, string | null][] = [
    ['name', name],
    ['status', statusWords(report)],
    ['awake because of', report.why_awake?.replaceAll('_', ' ') ?? null],
    ['connections', connectionWords(report)],
    ['last activity', timeWords(report.last_inbound_activity_at, now)],
    ['idle since', timeWords(report.idle_since, now)],
    ['standby', timeWords(report.next_standby_at, now)],
    ['held until', timeWords(report.hold_until, now)],
    ['waits', queueWords(report, now)],
    ['asleep since', timeWords(report.asleep_since, now)],
    ['last standby', lastWords(report, now)],
    ['clock of the guest', clockWords(report, now)],
    ['observer', observerWords(report)],
    ['snapshots', report.snapshots.length === 0 ? null : report.snapshots.map(({ name: of }) => of).join(', ')],
  ];
  return rows.flatMap(([what, words]) => (words === null ? [] : [[what, words]]));
}

const STATUS_WORDS: Readonly<Record<StandbyReport['reason'], string>> = {
  unsupported_platform:
    'nothing watches traffic on this host; that takes a bridge, and `statevisor doctor` says what else',
  policy_missing: 'no policy',
  policy_disabled: 'switched off',
  instance_not_running: 'it does not run',
  network_disabled: 'it has no network',
  missing_ip: 'it has no address of its own; `run --network bridge` gives one',
  observer_error: 'traffic cannot be seen right now',
  active_inbound_connections: 'somebody talks to it',
  idle_timeout_not_elapsed: 'the idle timeout has not passed',
  ready_for_standby: 'its time has come',
};

function statusWords(report: StandbyReport): string {
  return `${report.status.replaceAll('_', ' ')}: ${reasonWords(report)}`;
}

function reasonWords({ reason, asleep_since }: StandbyReport): string {
  return reason === 'instance_not_running' && asleep_since !== null ? 'it sleeps' : STATUS_WORDS[reason];
}

/** What a hold came to; whoever holds means to talk to the guest next, so it says what stands in the way. */
export function holdWords(name: string, report: StandbyReport, now: number): string {
  const { hold_until: until, status, eligible } = report;
  if (until !== undefined) {
    const held = `${name} is held until ${until} (${inWords(until, now)})`;
    // A hold keeps off what watches traffic, or the calendar, which asks the same watcher.
    return eligible ? held : `${held}; nothing would put it to sleep by itself anyway: ${reasonWords(report)}`;
  }
  return `${name} is not held: ${status.replaceAll('_', ' ')} (${reasonWords(report)})`;
}

/** Of what stays so until the instance or the daemon is another. */
const UNWATCHED: readonly StandbyReport['reason'][] = ['unsupported_platform', 'network_disabled', 'missing_ip'];

/** What whoever has just given it a policy is told: that nobody sees who talks to it. */
export function unwatchedNotes(name: string, { reason }: StandbyReport): string[] {
  if (!UNWATCHED.includes(reason)) return [];
  return [`warning: nothing puts ${name} to sleep by itself: ${STATUS_WORDS[reason]}`];
}

/** Connections that a line has room for. */
const CONNECTIONS_SHOWN = 4;

function connectionWords({ eligible, active_inbound_connections: count, connections }: StandbyReport): string | null {
  if (!eligible) return null;
  const shown = connections.slice(0, CONNECTIONS_SHOWN).map(({ protocol, client, port }) => {
    return `${protocol} from ${client} to port ${port}`;
  });
  const more = count > shown.length && shown.length > 0 ? ', ...' : '';
  return shown.length === 0 ? String(count) : `${count} (${shown.join(', ')}${more})`;
}

function timeWords(time: string | null | undefined, now: number): string | null {
  return time == null ? null : `${time} (${inWords(time, now)})`;
}

function queueWords({ queue }: StandbyReport, now: number): string | null {
  if (queue === null) return null;
  const because = queue.reason === null ? 'the host has not answered yet' : `for ${queue.reason.replaceAll('_', ' ')}`;
  return `${because}, since ${inWords(queue.since, now)}`;
}

function lastWords({ last_standby: last }: StandbyReport, now: number): string | null {
  if (last == null) return null;
  return `${last.outcome} ${inWords(last.at, now)}${last.cause === null ? '' : `: ${last.cause}`}`;
}

function clockWords({ clock }: StandbyReport, now: number): string | null {
  if (clock == null) return null;
  if (clock.drift_ms === null) return `nobody to ask in the guest, ${inWords(clock.at, now)}`;
  return `set ${inWords(clock.at, now)}, it was off by ${spanWords(Math.abs(clock.drift_ms))}`;
}

function observerWords({ observer, tracking_mode }: StandbyReport): string | null {
  if (observer === null) return null;
  const error = observer.error === null ? '' : `: ${observer.error}`;
  return `${tracking_mode}, ${observer.state.replaceAll('_', ' ')}${error}`;
}
