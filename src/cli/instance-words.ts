import { formatDuration } from '../../machines/duration.ts';
import type { WholeView } from '../gateway/use-cases/readings.ts';
import type { InstanceView } from '../projections/instance-view.ts';
import type { PendingRestartView } from '../projections/restart-view.ts';
import { scheduleWords, standbyWords } from './policy-words.ts';
import { wakefulnessRows } from './wakefulness-words.ts';

/** One instance in words, as `get` prints it: a name and a sentence a line. `now`: epoch ms. */
export function instanceRows(view: WholeView, now: number): string[][] {
  const { network, started_at } = view;
  // The VMM of one that sleeps was ended on purpose, and nothing stopped it: its guest goes on where it is.
  const sleeps = view.state === 'Standby';
  const rows: [string, string | null][] = [
    ['name', view.name],
    ['id', view.id],
    ['state', stateWords(view, now)],
    ['error', view.state_error],
    ['wanted', view.wanted],
    ['run', String(view.run)],
    ['pid', view.pid === null ? null : String(view.pid)],
    ['image', view.image],
    ['size', `${view.size}, ${counted(view.vcpus, 'vcpu')}`],
    ['network', networkWords(network)],
    ['created', view.created_at],
    ['started', started_at],
    ['stopped', sleeps ? null : view.stopped_at],
    ['exit', sleeps ? null : exitWords(view)],
    ['restart policy', policyWords(view)],
    ['attempts', attemptWords(view)],
    ['next restart', nextWords(view, now)],
    ...causeRows(view),
    ['forecast', sleeps ? null : forecastWords(view, now)],
    ['health check', checkWords(view)],
    ['health', healthWords(view, now)],
    ...probeRows(view, now),
    ['auto standby', standbyWords(view)],
    ['held until', view.hold_until === undefined ? null : `${view.hold_until} (${inWords(view.hold_until, now)})`],
    ['schedules', scheduleWords(view)],
    ['next by schedule', nextScheduledWords(view, now)],
    [
      'hooks',
      view.hooks === undefined
        ? null
        : Object.entries(view.hooks)
            .map(([at, name]) => `${at} ${name}`)
            .join(', '),
    ],
    ['guest agent', view.skip_guest_agent === true ? 'none' : null],
    ...wakefulnessRows(view, now),
    ['snapshot', view.has_snapshot && sleeps ? 'the one that it sleeps in' : null],
    ['snapshots', view.snapshots?.map(({ name }) => name).join(', ') ?? null],
    ['snapshot work', view.snapshot_under_way ?? null],
    ['forked from', view.forked_from?.instance ?? null],
    ['expires', view.expires_at === null ? null : `${view.expires_at} (${inWords(view.expires_at, now)})`],
    ['version', String(view.version)],
  ];
  return rows.flatMap(([name, words]) => (words === null || words === '' ? [] : [[name, words]]));
}

function nextScheduledWords({ next_scheduled }: WholeView, now: number): string {
  return Object.entries(next_scheduled ?? {})
    .toSorted(([, a], [, b]) => Date.parse(a) - Date.parse(b))
    .map(([name, time]) => `${name} ${comesWords(time, now)} (${time})`)
    .join(', ');
}

/** `in 12s`, `12s ago`: whole seconds, rounded up. */
export function inWords(time: string, now: number): string {
  const ms = Date.parse(time) - now;
  const seconds = formatDuration(Math.ceil(Math.abs(ms) / 1000) * 1000);
  return ms >= 0 ? `in ${seconds}` : `${seconds} ago`;
}

/** The state, and what is particular about it: `Stopped (backoff, in 12s)`, `Stopped (given up)`. */
export function stateWords(view: InstanceView, now: number): string {
  const notes = [waitingWords(view, now), ...outcomeWords(view)].filter((note) => note !== '');
  return notes.length === 0 ? view.state : `${view.state} (${notes.join('; ')})`;
}

/** What an attempt that is pending at rest waits for, and until when. */
function waitingWords({ phase, restart_status, restart }: InstanceView, now: number): string {
  if (phase !== 'backoff' && phase !== 'held') return '';
  const { waits_for = 'host', not_before = null } = restart?.pending ?? {};
  const lack = phase === 'held' && waits_for !== 'host' ? `: ${waits_for.replaceAll('_', ' ')}` : '';
  const next = not_before ?? restart_status?.next_attempt_at;
  return `${phase}${lack}${next === undefined ? '' : `, ${inWords(next, now)}`}`;
}

/** Why nothing automatic follows, where something would be expected: of one that is down or unhealthy, and wanted. */
function outcomeWords({ state, wanted, restart_status, restart, health_status }: InstanceView): string[] {
  if (wanted !== 'running' || (state !== 'Stopped' && health_status.status !== 'unhealthy')) return [];
  return [
    restart_status?.blocked_reason === 'max_attempts_exceeded' ? 'given up' : '',
    restart?.waived === true ? 'cancelled' : '',
    restart?.held_back_by ?? '',
  ];
}

/** `2`, or `2 of 5` where there is a limit. */
export function attemptCount({ restart_status, restart_policy }: InstanceView): string {
  const made = String(restart_status?.attempts ?? 0);
  const most = restart_policy?.max_attempts;
  return most === undefined ? made : `${made} of ${most}`;
}

function counted(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}

function networkWords({ enabled, address, address6, ports }: InstanceView['network']): string {
  if (!enabled) return 'none';
  if (address !== undefined) return address6 === undefined ? address : `${address}, ${address6}`;
  const forwards = ports.map(({ host_port, guest_port }) => `127.0.0.1:${host_port} -> ${guest_port}`);
  return forwards.length === 0 ? 'no forwarded ports' : forwards.join(', ');
}

function exitWords({ exit_code, exit_reason, exit_message }: InstanceView): string | null {
  if (exit_reason === null) return null;
  const code = exit_code === null ? '' : `, code ${exit_code}`;
  return `${exit_reason}${code}${exit_message === null ? '' : `: ${exit_message}`}`;
}

function policyWords({ restart_policy: policy }: InstanceView): string {
  if (policy === undefined) return 'never';
  const { backoff, backoff_max, delays, jitter, exit_codes, stability_period } = policy;
  return [
    policy.policy,
    policy.max_attempts === undefined ? 'no limit' : `at most ${counted(policy.max_attempts, 'attempt')}`,
    delays === undefined ? `backoff ${backoff}${backoff_max === undefined ? '' : ` growing to ${backoff_max}`}` : '',
    delays === undefined ? '' : `delays ${delays.join(', ')}`,
    jitter === undefined ? '' : `jitter ${jitter}`,
    `stable after ${policy.stable_after}`,
    stability_period === undefined ? '' : `for health not within ${stability_period}`,
    exit_codes?.restart === undefined ? '' : `also on ${exit_codes.restart.join(', ')}`,
    exit_codes?.never === undefined ? '' : `never on ${exit_codes.never.join(', ')}`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

function attemptWords(view: InstanceView): string | null {
  const { restart_status: status, restart } = view;
  if (status === undefined && restart === undefined) return null;
  const blocked = status?.blocked_reason;
  return [
    attemptCount(view),
    blocked === 'manual_stop' ? 'stopped by hand: nothing automatic' : '',
    blocked === 'max_attempts_exceeded' ? 'given up: the budget is used up' : '',
    restart?.held_back_by === undefined ? '' : `held back: ${restart.held_back_by}`,
    restart?.waived === true ? 'cancelled' : '',
  ]
    .filter((part) => part !== '')
    .join('; ');
}

const CAUSES: Readonly<Record<PendingRestartView['cause'], string>> = {
  exit: 'its end',
  health: 'its health',
  host_reboot: 'the reboot of the host',
};

function nextWords({ restart }: InstanceView, now: number): string | null {
  const pending = restart?.pending;
  if (pending === undefined) return null;
  const { cause, waits_for, not_before } = pending;
  const waits = waits_for === 'host' ? 'the host has not answered yet' : `waits for ${waits_for.replaceAll('_', ' ')}`;
  return `${not_before === null ? 'now' : comesWords(not_before, now)}, for ${CAUSES[cause]}; ${waits}`;
}

/** The causes outlive their window, in which attempts are counted from 1. */
function causeRows({ restart, restart_status }: InstanceView): [string, string][] {
  const causes = restart?.causes ?? [];
  const earlier = Math.max(0, causes.length - (restart_status?.attempts ?? 0));
  return causes.map(({ attempt, at, cause, detail }, index) => [
    index === earlier ? 'causes' : index === 0 ? 'earlier causes' : '',
    `${at}  attempt ${attempt} for ${CAUSES[cause]}: ${detail}`,
  ]);
}

function forecastWords(view: WholeView, now: number): string | null {
  const { restart_forecast: forecast } = view;
  if (forecast === undefined) return null;
  const { attempts, gives_up_after, unbounded } = forecast;
  if (attempts.length === 0) return `nothing automatic follows${exceptedWords(view)}`;
  const told = attempts
    .slice(0, FORETOLD)
    .map(({ attempt, not_before }) => `${attempt} ${comesWords(not_before, now)}`);
  const more = attempts.length > FORETOLD ? ', ...' : '';
  const end = gives_up_after === null ? (unbounded ? '; never gives up' : '') : `; gives up after ${gives_up_after}`;
  return `if it failed at once each time: attempt ${told.join(', ')}${more}${end}`;
}

/** What was foretold for the instant of the answer lies in the past by the time that it is read. */
function comesWords(time: string, now: number): string {
  return Date.parse(time) <= now ? 'at once' : inWords(time, now);
}

/** The code that the policy excepts, of one that is down for no other reason. */
function exceptedWords({ state, wanted, exit_code: code, restart_policy, restart, restart_status }: WholeView): string {
  const isExcepted = code !== null && restart_policy?.exit_codes?.never?.includes(code) === true;
  const hasOtherReason =
    restart_status?.blocked_reason !== undefined || restart?.waived === true || restart?.held_back_by !== undefined;
  if (!isExcepted || hasOtherReason || state !== 'Stopped' || wanted !== 'running') return '';
  return `; not restarted: exit code ${code} is in never`;
}

/** Attempts that a line has room for. */
const FORETOLD = 4;

function checkWords({ health_check: check }: InstanceView): string | null {
  if (check === undefined) return null;
  const { type, interval, timeout, start_period, failure_threshold, success_threshold } = check;
  const timing = `every ${interval}, timeout ${timeout}, start period ${start_period}`;
  return `${targetWords(String(type), check)}; ${timing}; unhealthy after ${failure_threshold}, healthy after ${success_threshold}`;
}

function targetWords(type: string, check: NonNullable<InstanceView['health_check']>): string {
  const target = check[type] as Readonly<Record<string, unknown>>;
  if (type === 'exec') return `exec ${(target.command as readonly string[]).join(' ')}`;
  if (type === 'tcp') return `tcp port ${target.port}`;
  const insecure = target.tls_verify === false ? ', any certificate' : '';
  return `${target.scheme} port ${target.port} ${target.path} (${target.expected_status}${insecure})`;
}

function healthWords({ health_status: health }: InstanceView, now: number): string | null {
  const { status, consecutive_successes: passed, consecutive_failures: failed, last_checked_at, last_error } = health;
  if (status === 'disabled') return null;
  return [
    status,
    passed > 0 ? `${counted(passed, 'success').replace('successs', 'successes')} in a row` : '',
    failed > 0 ? `${counted(failed, 'failure')} in a row` : '',
    last_checked_at == null ? '' : `checked ${inWords(last_checked_at, now)}`,
    last_error == null ? '' : last_error,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** Probes that `get` shows; JSON has all that are kept. */
const PROBES_SHOWN = 3;

function probeRows({ probes }: WholeView, now: number): [string, string][] {
  return (probes?.last_results ?? []).slice(-PROBES_SHOWN).map(({ at, duration_ms, result, error }, index) => {
    const took = duration_ms === null ? '' : ` after ${Math.round(duration_ms)}ms`;
    return [index === 0 ? 'probes' : '', `${inWords(at, now)}: ${result}${took}${error === null ? '' : `: ${error}`}`];
  });
}
