import type { Changes, ScheduleName } from '../../machines/definition.ts';
import { type EndReason, type ExternalEvent, type Purpose, purposeSchema, type RunEnd } from '../../machines/events.ts';
import type { ChartSnapshot, TimerName } from '../../machines/step.ts';
import type { Asked, Books } from './laws.ts';

/** Everything that could reach an instance next: the letters from which exploration and simulation build histories. */

export interface Letters {
  /** Changes of definition worth trying; none: updates are left out. */
  readonly changes: readonly Changes[];
  /** Whether rules are taken to throw, which can happen anywhere. */
  readonly throws?: boolean;
  /** Whether the host changes its mode and people take their hands off. */
  readonly modes?: boolean;
  /** Whether named snapshots are made, deleted and brought back. */
  readonly snapshots?: boolean;
}

const by = 'ann';
const HOUR_MS = 3_600_000;
const HOLD_MS = 60_000;
/** Timers may fire as late as the daemon comes back. */
const LATE_MS = 48 * HOUR_MS;

export const end = (reason: EndReason, code: number | null, at: number | null): RunEnd => ({
  reason,
  code,
  message: null,
  ended_at: at,
});

const NAME = 'kept';

/** One name is enough: what is there is known, and everything else is not. */
function aboutSnapshots(at: number): ExternalEvent[] {
  return [
    { type: 'create_snapshot', at, by, name: NAME },
    { type: 'delete_snapshot', at, by, name: NAME },
    { type: 'restore_snapshot', at, by, name: NAME, then: 'running' },
    { type: 'restore_snapshot', at, by, name: NAME, then: 'standby' },
  ];
}

/** A new minute of each schedule, and one that was heard before. */
function minutes({ context }: ChartSnapshot, at: number): ExternalEvent[] {
  const given = Object.keys(context.definition?.schedules ?? {}) as ScheduleName[];
  return given.flatMap((schedule): ExternalEvent[] => [
    { type: 'schedule.due', at, schedule, minute: at },
    { type: 'schedule.due', at, schedule, minute: context.schedules[schedule] ?? 0 },
  ]);
}

export function commands(at: number, { changes, modes = false, snapshots = false }: Letters): ExternalEvent[] {
  return [
    ...(snapshots ? aboutSnapshots(at) : []),
    ...(modes ? [{ type: 'ignore', at, by } as const] : []),
    { type: 'start', at, by },
    { type: 'stop', at, by },
    { type: 'stop', at, by, force: true },
    { type: 'restart', at, by },
    { type: 'standby', at, by },
    { type: 'restore', at, by },
    { type: 'hold', at, by, until: at + HOLD_MS },
    { type: 'delete', at, by },
    { type: 'cancel_restart', at, by },
    { type: 'reset_restart', at, by },
    ...changes.map((change): ExternalEvent => ({ type: 'update', at, by, changes: change })),
  ];
}

export function realities(run: number, at: number): ExternalEvent[] {
  const found = [
    { reality: 'none' },
    { reality: 'starting' },
    { reality: 'running', ready: false },
    { reality: 'running', ready: true },
    { reality: 'paused' },
    { reality: 'ended', ...end('crashed', null, at) },
    { reality: 'ended', ...end('power_off', 0, at) },
    { reality: 'ended', ...end('host_reboot', null, at) },
    { reality: 'unreachable', message: 'no answer' },
    { reality: 'other_run', run: run + 7 },
  ] as const;
  return found.map((reality) => ({ type: 'vmm.found', at, run, found: { ...reality } }));
}

function exits(run: number, at: number): ExternalEvent[] {
  return [
    { type: 'vmm.exited', at, run, ...end('power_off', 1, at) },
    { type: 'vmm.exited', at, run, ...end('power_off', 0, at) },
    { type: 'vmm.exited', at, run, ...end('host_reboot', null, at) },
  ];
}

function guestSays(run: number, at: number): ExternalEvent[] {
  return [
    { type: 'guest.ready', at, run },
    { type: 'guest.rebooted', at, run },
  ];
}

function traffic(run: number, at: number): ExternalEvent[] {
  return [
    { type: 'traffic.active', at, run, connections: 1 },
    { type: 'traffic.idle', at, run },
    { type: 'observer.lost', at, error: 'overrun' },
    { type: 'observer.restored', at },
  ];
}

function probes(run: number, revision: number, at: number): ExternalEvent[] {
  const window = { run, revision };
  return [
    { type: 'probe.passed', at, window },
    { type: 'probe.failed', at, window, error: 'refused' },
    { type: 'probe.unavailable', at, window, error: 'no agent' },
  ];
}

/** What the host may answer, about this run and purpose. */
export function hostAnswers(run: number, purpose: Purpose, at: number): ExternalEvent[] {
  return [
    { type: 'host.granted', at, run, purpose },
    { type: 'host.held', at, run, purpose, reason: 'memory', retry_at: at + HOLD_MS },
  ];
}

/** Of each question one answer, whether it is open, was asked long ago, or never. */
function admission({ context }: ChartSnapshot, at: number): ExternalEvent[] {
  const { run, restart, admission: open, definition, standby } = context;
  const asks = definition?.restart_policy != null || definition?.auto_standby != null || definition?.schedules != null;
  if (!asks && open === null && restart.attempts === 0) return [];
  return [
    ...(open === null ? [] : hostAnswers(run.number, open.purpose, at)),
    ...(standby.slot === null ? [] : hostAnswers(run.number, 'standby', at)),
    ...PURPOSES.filter((purpose) => purpose !== open?.purpose).flatMap((purpose) =>
      hostAnswers(run.number, purpose, at).slice(0, 1),
    ),
    ...hostAnswers(run.number + 1, open?.purpose ?? 'restart_policy', at),
  ];
}

const PURPOSES = purposeSchema.options;
const MODES = ['normal', 'maintenance'] as const;

/** The ways in which one asked-for effect can end. */
export function resultsOf({ kind, run, number }: Asked, at: number): ExternalEvent[] {
  const about = { at, effect: `test/1/0`, kind, run, ...(number !== undefined && { number }) };
  const error = { code: 'failed', message: 'it failed' };
  if (kind === 'traffic.confirm') {
    return [
      { type: 'traffic.confirmed_idle', at, run },
      { type: 'traffic.unconfirmed', at, run, error: 'the table could not be read' },
    ];
  }
  const unanswered = { code: 'agent_unanswered', message: 'nobody answered' };
  const ended = kind === 'vmm.kill' ? { ended: end('killed', null, at) } : {};
  const overBy = { ended: end('power_off', 0, at) };
  return [
    ...(kind === 'vmm.shutdown' ? [{ type: 'effect.done', ...about, ...overBy } as const] : []),
    { type: 'effect.done', ...about, ...ended, ...(kind === 'vmm.boot' || kind === 'vmm.restore' ? { pid: 7 } : {}) },
    { type: 'effect.failed', ...about, error },
    ...(kind === 'guest.set_clock' ? [{ type: 'effect.failed', ...about, error: unanswered } as const] : []),
    { type: 'effect.withdrawn', ...about },
    { type: 'effect.unknown', ...about, error },
  ];
}

/**
 * Answers to whatever may have been asked for on this run: any effect can be answered late, also one that was withdrawn.
 * Only readings of the table are answered as often as they were asked for, and a pause after every earlier reading:
 * effects run one at a time. `hooks`: numbers of the programs that may still have a word to say.
 */
function answers(run: number, books: Books, at: number, hooks: readonly number[]): ExternalEvent[] {
  const reading = books.asked.find(({ kind }) => kind === 'traffic.confirm');
  const kinds = [...SPAWNED, ...OF_SNAPSHOTS].filter(
    (kind) => kind !== 'traffic.confirm' && !(kind === 'vmm.pause' && reading?.paused === false),
  );
  return [
    ...kinds.flatMap((kind) => resultsOf(asked(kind, run), at)),
    ...hooks.flatMap((number) => resultsOf({ ...asked('hook.run', run), number }, at)),
    ...(reading === undefined ? [] : resultsOf(reading, at)),
    ...resultsOf(asked('instance.prepare', 0), at),
    ...resultsOf(asked('instance.remove', run), at),
  ];
}

const SPAWNED = [
  'vmm.boot',
  'vmm.shutdown',
  'vmm.kill',
  'vmm.pause',
  'vmm.resume',
  'vmm.snapshot',
  'vmm.restore',
  'traffic.confirm',
  'guest.set_clock',
] as const;
/** Copies belong to no run that lives. */
const OF_SNAPSHOTS = ['snapshot.copy', 'snapshot.fork'] as const;
const asked = (kind: Asked['kind'], run: number): Asked => ({ kind, run, paused: false });

/** Letters about another run or window: each must fall on deaf ears. */
function stale(snapshot: ChartSnapshot, at: number): ExternalEvent[] {
  const { run, health } = snapshot.context;
  const other = run.number + 1;
  return [
    ...exits(other, at).slice(0, 1),
    ...guestSays(other, at).slice(0, 1),
    ...realities(other, at).slice(0, 6),
    ...probes(run.number + 1, health.revision, at).slice(0, 2),
    ...probes(Math.max(1, run.number), health.revision + 1, at).slice(0, 2),
    ...traffic(other, at).slice(0, 2),
    ...SPAWNED.flatMap((kind) => resultsOf(asked(kind, other), at)),
  ];
}

export function timers(pending: ReadonlyMap<TimerName, number>, now: number): ExternalEvent[] {
  return [...pending].flatMap(([name, due]) => [
    { type: name, at: Math.max(now, due), due, armed: 1 },
    { type: name, at: Math.max(now, due) + LATE_MS, due, armed: 1 },
  ]);
}

/** Every letter that could come next, at once or, where time matters to a guard, much later. */
export function lettersAt(
  snapshot: ChartSnapshot,
  pending: ReadonlyMap<TimerName, number>,
  books: Books,
  now: number,
  letters: Letters,
): ExternalEvent[] {
  const at = now + 1;
  const { throws = false, modes = false } = letters;
  const { run, health } = snapshot.context;
  const present = Math.max(1, run.number);
  const checked = snapshot.context.definition?.health_check != null;
  const watched = snapshot.context.definition?.auto_standby != null;
  const hooked = snapshot.context.definition?.hooks != null;
  const hooks = hooked ? [books.hook, books.hook - 1].filter((number) => number > 0) : [];
  return [
    ...commands(at, letters),
    ...timers(pending, now),
    ...answers(run.number, books, at, hooks),
    ...admission(snapshot, at),
    ...minutes(snapshot, at),
    ...(modes ? MODES.map((mode): ExternalEvent => ({ type: 'host.mode_changed', at, mode })) : []),
    ...exits(present, at),
    ...exits(present, at + HOUR_MS).slice(0, 1),
    ...guestSays(present, at),
    ...realities(run.number, at),
    ...(checked ? [...probes(present, health.revision, at), ...probes(present, health.revision, at + HOUR_MS)] : []),
    ...(watched ? traffic(present, at) : []),
    ...stale(snapshot, at),
    ...(throws ? [{ type: 'instance.quarantined', at, error: 'a rule threw' } as const] : []),
  ];
}
