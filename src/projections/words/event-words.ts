import type { ExternalEvent, TimerEvent } from '../../../machines/events.ts';
import { effectWords } from './effect-words.ts';
import { clockTime, codeWords, heldWords, listWords, messageWords, plainWords } from './plain.ts';

/** What was asked for, seen or reported, in words: one entry for each type of event. */

type Told = Exclude<ExternalEvent, TimerEvent>;
type Table = { readonly [T in Told['type']]?: (event: Extract<Told, { type: T }>) => string };

const TABLE: Table = {
  create: ({ definition, wanted }) => `create ${definition.name} from ${definition.image}, wanted ${wanted}`,
  stop: ({ force }) => (force === true ? 'stop by force' : 'stop'),
  hold: ({ until }) => `hold off standby until ${clockTime(until)}`,
  update: ({ changes }) => `update ${listWords(Object.keys(changes))}`,
  'vmm.exited': ({ run, reason, code, message }) =>
    `run ${run} ended: ${reason}${codeWords(code)}${messageWords(message)}`,
  'vmm.found': ({ run, found }) => {
    if (found.reality === 'ended') return `run ${run} found ended: ${found.reason}${codeWords(found.code)}`;
    if (found.reality === 'other_run') return `run ${found.run} found instead of run ${run}`;
    if (found.reality === 'running') return `run ${run} found running${found.ready ? ' and ready' : ''}`;
    const why = found.reality === 'unreachable' ? messageWords(found.message) : '';
    return `run ${run} found: ${found.reality}${why}`;
  },
  'guest.ready': ({ run }) => `guest of run ${run} is ready`,
  'guest.rebooted': ({ run }) => `guest of run ${run} rebooted`,
  'probe.passed': ({ window }) => `probe of run ${window.run} passed`,
  'probe.failed': ({ window, error }) => `probe of run ${window.run} failed${messageWords(error)}`,
  'probe.unavailable': ({ window, error }) => `run ${window.run} could not be probed${messageWords(error)}`,
  'traffic.active': ({ connections }) => `${connections} connections`,
  'traffic.idle': ({ since }) => `no connections${since === undefined ? '' : ` since ${clockTime(since)}`}`,
  'traffic.confirmed_idle': () => 'no connections, confirmed',
  'traffic.unconfirmed': ({ error }) => `idleness not confirmed${messageWords(error)}`,
  'observer.lost': ({ error }) => `traffic cannot be watched${messageWords(error)}`,
  'observer.restored': () => 'traffic is watched again',
  ignore: () => 'ignore: hands off',
  cancel_restart: () => 'cancel the restart that is pending',
  create_snapshot: ({ name }) => `create snapshot ${name}`,
  delete_snapshot: ({ name }) => `delete snapshot ${name}`,
  restore_snapshot: ({ name, then: wanted }) => `restore snapshot ${name}, wanted ${wanted}`,
  'schedule.due': ({ schedule, minute }) => `${schedule} scheduled for ${clockTime(minute)}`,
  reset_restart: () => 'forget the restart attempts made so far',
  'host.mode_changed': ({ mode }) => `the host is in mode ${mode}`,
  'host.granted': ({ purpose }) => `the host lets it run (${purpose})`,
  'host.held': ({ purpose, reason, retry_at }) =>
    `the host holds it back (${plainWords(purpose)}): ${heldWords(reason)}, asked again at ${clockTime(retry_at)}`,
  'chart.upgraded': ({ from, to }) => `chart ${from} replaced by chart ${to}`,
  'instance.quarantined': ({ error }) => `the chart failed${messageWords(error)}`,
  'effect.done': ({ kind, run, pid, ended }) => {
    const how = ended === undefined ? '' : `, ended: ${ended.reason}${codeWords(ended.code)}`;
    return `${effectWords(kind, run)} done${pid === undefined || pid === null ? '' : `, pid ${pid}`}${how}`;
  },
  'effect.failed': ({ kind, run, error }) => `${effectWords(kind, run)} failed${messageWords(error.message)}`,
  'effect.withdrawn': ({ kind, run }) => `${effectWords(kind, run)} withdrawn`,
  'effect.unknown': ({ kind, run, error }) =>
    `${effectWords(kind, run)}: outcome unknown${messageWords(error.message)}`,
};

/** What happens to the host itself. */
const HOST_TABLE: Readonly<Record<string, (event: Readonly<Record<string, unknown>>) => string>> = {
  'clock.stepped': ({ by_ms }) => `the wall clock was stepped by ${String(by_ms)}ms`,
};

const TIMER_PREFIX = 'timer.';

export function eventWords(event: { readonly type: string }): string {
  if (event.type.startsWith(TIMER_PREFIX)) return `${plainWords(event.type.slice(TIMER_PREFIX.length))} is due`;
  const own = (TABLE as Readonly<Record<string, ((event: never) => string) | undefined>>)[event.type];
  if (own !== undefined) return own(event as never);
  return HOST_TABLE[event.type]?.(event as never) ?? plainWords(event.type);
}
