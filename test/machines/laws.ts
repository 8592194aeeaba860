import type { Definition } from '../../machines/definition.ts';
import type { Effect } from '../../machines/effects.ts';
import type { ExternalEvent, HostMode, Purpose } from '../../machines/events.ts';
import { stateOf } from '../../machines/public-states.ts';
import type { ChartSnapshot, Step, TimerName } from '../../machines/step.ts';
import { type InAir, inAirAfterEvent, inAirAfterStep } from './effects-in-air.ts';
import { type Memory, memoryAfterEvent, memoryAfterStep, NO_MEMORY } from './memory-books.ts';

/**
 * The laws of supervision as a witness that watches every step from outside. It keeps its own books from events,
 * facts and effects, and believes nothing that the chart's context says about itself, except the definition.
 */

export interface Edge {
  readonly before: ChartSnapshot;
  readonly event: ExternalEvent;
  readonly step: Step;
}

export interface Asked {
  readonly kind: Effect['kind'];
  readonly run: number;
  /** Of a program of the host. */
  readonly number?: number;
  /** For a reading of the table: was it asked for after the guest had been paused, and after its snapshot was whole? */
  readonly paused: boolean;
  readonly saved?: boolean;
}

/** What the witness remembers. */
export interface Books {
  /** Law 1: a stop was accepted and no start, restart or restore since. */
  readonly stopOrdered: boolean;
  readonly deleteOrdered: boolean;
  /** Law 2: the newest run asked for, and whether its end was told. */
  readonly run: number;
  readonly endTold: boolean;
  /** Law 3: automatic starts decided in this window; each start needs one of its own. */
  readonly automaticStarts: number;
  readonly attemptOpen: boolean;
  /** Law 3: the last automatic restart. */
  readonly restartedAt: number | null;
  /** Law 10: somebody has cancelled what was pending, and nothing new has happened since. */
  readonly waived: boolean;
  /** The last run ended because the host went down. */
  readonly rebooted: boolean;
  /** Law 4: the last run ended by itself with code 0. */
  readonly cleanEnd: boolean;
  /** The code with which the last run ended by itself. */
  readonly endCode: number | null;
  /** Law 5: since when nothing was counted, and how the present standby came about. */
  readonly idleSince: number | null;
  readonly holdUntil: number;
  readonly automaticStandby: boolean;
  readonly paused: boolean;
  readonly confirmedPaused: boolean;
  /** The snapshot is whole; the table was read after that. */
  readonly saved: boolean;
  readonly confirmedSaved: boolean;
  /** What the host was asked last and has not granted; whoever is held may be let go at any time. */
  readonly admission: { readonly run: number; readonly purpose: Purpose } | null;
  /** The same of a turn to be put away, or of room to be woken: neither is a start after an end. */
  readonly turn: { readonly run: number; readonly purpose: Purpose } | null;
  /** Law 9: the mode of the host, whether somebody keeps all hands off, and whether a restart for health is under way. */
  readonly mode: HostMode;
  readonly handsOff: boolean;
  readonly healthStop: boolean;
  /** Law 6: when the present window of health checking began. */
  readonly windowAt: number;
  /** Number of the program of the host that was asked for last. */
  readonly hook: number;
  /** Law 11: what is on disk of a guest that does not run. */
  readonly memory: Memory;
  readonly inAir: InAir;
  /** What was asked of the world and has not been answered, in order. */
  readonly asked: readonly Asked[];
}

export const EMPTY_BOOKS: Books = {
  stopOrdered: false,
  deleteOrdered: false,
  run: 0,
  endTold: true,
  automaticStarts: 0,
  attemptOpen: false,
  restartedAt: null,
  waived: false,
  rebooted: false,
  cleanEnd: false,
  endCode: null,
  idleSince: null,
  holdUntil: 0,
  automaticStandby: false,
  paused: false,
  confirmedPaused: false,
  saved: false,
  confirmedSaved: false,
  admission: null,
  turn: null,
  mode: 'normal',
  handsOff: false,
  healthStop: false,
  windowAt: 0,
  hook: 0,
  memory: NO_MEMORY,
  inAir: [],
  asked: [],
};

/** More unanswered effects than this are not told apart. */
export const ASKED_MAX = 2;

/** What lifts a stop; of bringing a snapshot back, only for the guest to run. */
const STARTS = ['start', 'restart', 'restore'];
/**
 * An inspection is answered by `vmm.found`, which is tried everywhere; so are the words of the programs asked for last
 * and before, by their numbers. Nobody waits for the others.
 */
const UNANSWERED: readonly string[] = ['effect.withdraw', 'vmm.inspect', 'snapshot.drop', 'host.admit', 'hook.run'];
const SPAWNS: readonly string[] = ['vmm.boot', 'vmm.restore'];

function tellsEnd(event: ExternalEvent, run: number): boolean {
  if (!('run' in event) || event.run !== run) return false;
  switch (event.type) {
    case 'vmm.exited':
      return true;
    case 'vmm.found':
      return event.found.reality === 'none' || event.found.reality === 'ended';
    case 'effect.failed':
    case 'effect.withdrawn':
      return SPAWNS.includes(event.kind);
    case 'effect.done':
      return event.ended !== undefined;
    default:
      return false;
  }
}

function answered(asked: readonly Asked[], event: ExternalEvent): Asked | undefined {
  if ('kind' in event) return asked.find(({ kind, run }) => kind === event.kind && run === event.run);
  if (!event.type.startsWith('traffic.') || !('run' in event) || !event.type.includes('confirmed')) return undefined;
  return asked.find(({ kind, run }) => kind === 'traffic.confirm' && run === event.run);
}

export const isTurn = (purpose: Purpose): boolean => purpose === 'standby' || purpose === 'wake';

/** The books after an event was delivered, before what the chart made of it. */
export function noteEvent(books: Books, { before, event, step }: Edge): Books {
  const answer = answered(books.asked, event);
  const next: { -readonly [K in keyof Books]: Books[K] } = {
    ...books,
    asked: books.asked.filter((one) => one !== answer),
  };
  if (tellsEnd(event, books.run)) next.endTold = true;
  next.memory = memoryAfterEvent(books.memory, { before, event, step });
  next.inAir = inAirAfterEvent(books.inAir, { before, event, step });
  if (event.type === 'effect.done' && event.kind === 'vmm.pause' && step.accepted) next.paused = true;
  if (event.type === 'effect.done' && event.kind === 'vmm.snapshot' && step.accepted) next.saved = true;
  if (event.type === 'traffic.confirmed_idle' && answer?.paused === true) next.confirmedPaused = true;
  if (event.type === 'traffic.confirmed_idle' && answer?.saved === true) next.confirmedSaved = true;
  if (event.type === 'observer.lost' || (event.type === 'traffic.active' && event.run === books.run)) {
    next.idleSince = null;
    next.confirmedPaused = false;
    next.confirmedSaved = false;
  }
  if (!step.accepted) return next;
  if (event.type === 'traffic.idle' || event.type === 'traffic.unconfirmed') next.idleSince = event.at;
  if (event.type === 'timer.confirm_deadline') next.idleSince = event.at;
  if (event.type === 'hold') next.holdUntil = event.until;
  if (event.type === 'stop' || event.type === 'delete') next.stopOrdered = true;
  if (event.type === 'delete') next.deleteOrdered = true;
  const starts = STARTS.includes(event.type) || (event.type === 'restore_snapshot' && event.then === 'running');
  if (starts) next.stopOrdered = false;
  if (event.type === 'host.mode_changed') next.mode = event.mode;
  if (event.type === 'ignore') next.handsOff = true;
  if (event.type === 'stop' || event.type === 'delete' || starts) next.handsOff = false;
  if (event.type === 'host.granted') next[isTurn(event.purpose) ? 'turn' : 'admission'] = null;
  const newPolicy = event.type === 'update' && event.changes.restart_policy !== undefined;
  const again = starts && event.type !== 'restore';
  const asked = again || event.type === 'reset_restart';
  if (asked || newPolicy || event.type === 'timer.stable') next.automaticStarts = 0;
  if (asked) next.waived = false;
  if (event.type === 'cancel_restart') next.waived = true;
  const { auto_standby } = event.type === 'update' ? event.changes : {};
  if (auto_standby !== undefined && auto_standby?.enabled !== true) next.holdUntil = 0;
  if (event.type === 'update' && event.changes.health_check !== undefined) next.windowAt = event.at;
  return next;
}

/** The books after the chart's answer. */
export function noteStep(books: Books, { before, event, step }: Edge): Books {
  const next: { -readonly [K in keyof Books]: Books[K] } = { ...books };
  next.memory = memoryAfterStep(books.memory, { before, event, step });
  next.inAir = inAirAfterStep(books.inAir, step);
  for (const fact of step.facts) {
    // An attempt belongs to the window in which it was decided, even if its boot comes after a new policy.
    if (fact.type === 'restart.attempted')
      Object.assign(next, { attemptOpen: true, automaticStarts: next.automaticStarts + 1 });
    if (fact.type === 'restart.attempted') next.restartedAt = event.at;
    if (fact.type === 'instance.boot_requested' && fact.cause === 'host_reboot') next.restartedAt = event.at;
    if (fact.type === 'health.changed' || fact.type === 'instance.ended') next.waived = false;
    if (fact.type === 'instance.ended') {
      next.endCode = fact.planned ? null : fact.code;
      next.cleanEnd = !fact.planned && fact.code === 0;
      next.rebooted = fact.reason === 'host_reboot';
    }
    if (fact.type === 'instance.boot_requested' || fact.type === 'instance.restore_requested') {
      Object.assign(next, {
        run: fact.run,
        endTold: false,
        windowAt: event.at,
        paused: false,
        idleSince: null,
        holdUntil: 0,
      });
      next.attemptOpen = false;
    }
    if (fact.type === 'instance.stop_requested') next.healthStop = fact.cause === 'health';
    if (fact.type === 'instance.boot_requested') next.healthStop = false;
    if (fact.type === 'standby.requested') {
      // An operator may take over one that is under way, whose guest has been paused already.
      const paused = fact.cause === 'operator' && next.paused;
      const fresh = { confirmedPaused: false, saved: false, confirmedSaved: false };
      Object.assign(next, { automaticStandby: fact.cause !== 'operator', paused, ...fresh });
    }
  }
  let { asked } = next;
  for (const effect of step.effects) {
    const { kind, run } = effect;
    if (kind === 'hook.run') next.hook = effect.number;
    if (kind === 'host.admit') next[isTurn(effect.purpose) ? 'turn' : 'admission'] = { run, purpose: effect.purpose };
    if (!UNANSWERED.includes(kind)) asked = [...asked, { kind, run, paused: next.paused, saved: next.saved }];
  }
  if (next.endTold) asked = asked.filter(({ kind }) => kind.startsWith('instance.'));
  else asked = asked.filter(({ run }) => run === next.run);
  return { ...next, asked: asked.slice(-ASKED_MAX) };
}

export function isAutomatic(cause: string): boolean {
  return cause === 'restart_policy' || cause === 'health';
}

export interface Law {
  readonly law: number;
  readonly rule: string;
  /** `told` = the books after the event, `after` = after the answer. True when the law is kept. */
  readonly holds: (moment: {
    books: Books;
    told: Books;
    after: Books;
    edge: Edge;
    pending: ReadonlyMap<TimerName, number>;
  }) => boolean;
}

export const lifecycleOf = (snapshot: ChartSnapshot): string => stateOf(snapshot.value, 'lifecycle');
export const definitionIn = (snapshot: ChartSnapshot): Definition | null => snapshot.context.definition;
export const factIn = <T extends Step['facts'][number]['type']>(step: Step, type: T) =>
  step.facts.find((fact): fact is Extract<Step['facts'][number], { type: T }> => fact.type === type);
