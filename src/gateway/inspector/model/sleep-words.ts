import {
  type AwakeCause,
  heldUntil,
  isAwake,
  type Wakefulness,
  wakefulnessFrom,
} from '../../../../machines/wakefulness.ts';
import { plainWords } from '../../../projections/words/plain.ts';
import { AWAKE_WORDS } from '../../../projections/words/wakefulness-words.ts';
import type { ShownRecord } from './record-window.ts';

/** What one record says of sleep: why the instance was awake or asleep then, and what was running out. */

/** A clock that runs while the present is shown; of the past it is an instant. */
export interface SleepClock {
  readonly name: string;
  /** Epoch ms. */
  readonly at: number;
  /** Counted up from there, or down to it. */
  readonly counts: 'up' | 'down';
}

export interface SleepMoment {
  readonly is: Wakefulness;
  readonly sentence: string;
  readonly clocks: readonly SleepClock[];
  /** Lines: name, when it was taken, by whom. */
  readonly snapshots: readonly KnownSnapshot[];
  /** What it sleeps in, or is about to wake from. */
  readonly sleepsIn: string | null;
}

export interface KnownSnapshot {
  readonly name: string;
  readonly taken_at: number;
  readonly by: string;
}

/** Records of older charts lack what came later. */
interface KnownThen {
  readonly standby: {
    readonly idle_since: number | null;
    readonly hold_until: number | null;
    readonly request?: 'idle' | 'schedule' | 'operator' | null;
    readonly slot?: { readonly since: number; readonly reason: string | null; readonly retry_at: number | null } | null;
    readonly asleep_since?: number | null;
  };
  readonly snapshots?: readonly KnownSnapshot[];
  readonly host?: { readonly mode: string };
}

/** What the status of standby says of the present, which knows more than the newest record. */
export interface SeenNow {
  readonly why_awake: AwakeCause | null;
  readonly active_inbound_connections: number;
}

/** `seen`: null for the past, and where nothing watches. */
export function sleepMoment(record: ShownRecord, seen: SeenNow | null): SleepMoment {
  const known: KnownThen = record.state.context;
  const { snapshot } = record.state.context;
  const is = recordedIn(record);
  const cause = isAwake(is) ? (seen?.why_awake ?? is) : is;
  return {
    is,
    sentence: sentenceOf(record, cause, seen?.active_inbound_connections ?? null),
    clocks: clocksOf(record, is),
    snapshots: known.snapshots ?? [],
    sleepsIn: snapshot?.name ?? null,
  };
}

function recordedIn(record: ShownRecord): Wakefulness {
  // The deadline of the countdown stands in the record, so the policy it was made from is not needed.
  const { is } = wakefulnessFrom(record.state, { auto_standby: null }, record.at)[0]!;
  return is === 'hold' || is === 'countdown' ? bindingOf(record) : is;
}

const BEGUN_FOR = {
  idle: 'nobody was connected',
  schedule: 'a schedule said so',
  operator: 'somebody asked for it',
} as const;

function sentenceOf(record: ShownRecord, is: Wakefulness, connections: number | null): string {
  const { standby, host }: KnownThen = record.state.context;
  if (is === 'asleep') return `Asleep: ${standby.request == null ? 'it was put away' : BEGUN_FOR[standby.request]}.`;
  if (is === 'down') return 'Neither awake nor asleep: there is no VMM.';
  if (is === 'unknown') return 'Nobody can say whether it is awake: it cannot be reached or understood.';
  if (is === 'connection' && connections !== null && connections > 0) {
    return `Awake: ${connections === 1 ? 'a connection is' : `${connections} connections are`} open.`;
  }
  if (is === 'held_back') {
    const mode = host?.mode ?? 'normal';
    return `Awake: automation is held back${mode === 'normal' ? ', somebody ignores it' : `, the host is in ${mode}`}.`;
  }
  if (is === 'queued') {
    const reason = standby.slot?.reason ?? null;
    return `Awake: ${AWAKE_WORDS.queued}${reason === null ? '' : ` (${plainWords(reason)})`}.`;
  }
  const isHeldLonger = is === 'countdown' && bindingOf(record) === 'hold';
  return `Awake: ${AWAKE_WORDS[is]}${isHeldLonger ? ', and it is held awake for longer' : ''}.`;
}

/** Of an idle timeout and a hold the one that ends last: its end is that of the countdown. */
function bindingOf(record: ShownRecord): 'hold' | 'countdown' {
  const until = heldUntil(record.state.context, record.at);
  return until !== null && until === dueOf(record, 'timer.idle') ? 'hold' : 'countdown';
}

function dueOf({ state }: ShownRecord, timer: string): number | null {
  return state.timers.find(({ name }) => name === timer)?.due ?? null;
}

function clocksOf(record: ShownRecord, is: Wakefulness): SleepClock[] {
  const { standby }: KnownThen = record.state.context;
  const { idle_since, slot, asleep_since } = standby;
  const isIdle = isAwake(is) && idle_since !== null;
  const clock = (name: string, counts: SleepClock['counts'], at: number | null | undefined, holds = true) =>
    at != null && holds ? [{ name, counts, at }] : [];
  return [
    ...clock('Idle for', 'up', idle_since, isIdle),
    ...clock('Falls asleep', 'down', dueOf(record, 'timer.idle')),
    ...clock('Held awake until', 'down', heldUntil(record.state.context, record.at)),
    ...clock('Waits for a place for', 'up', slot?.since),
    ...clock('Asks for a place again', 'down', slot?.retry_at),
    ...clock('Asleep for', 'up', asleep_since, is === 'asleep'),
  ];
}
