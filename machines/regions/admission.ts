import type { ChartContext } from '../context.ts';
import type { Effect } from '../effects.ts';
import type { Purpose } from '../events.ts';
import { chart, type Moment } from '../setup.ts';

/** Asking the host for room before anything is started that nobody asked for: the parts of it the restart region names. */

/** A boot that fails while a guest is restarted for its health leaves the reason as it is; a host that went down ends it. */
const reasonFor = (purpose: Purpose, { restart }: ChartContext) => {
  if (purpose === 'host_reboot') return null;
  return purpose === 'health' ? ('health_check_failed' as const) : restart.last_reason;
};

export const openAdmission = (purpose: Purpose) =>
  chart.assign(({ context, event }) => ({
    admission: { purpose, since: event.at, reason: null, retry_at: null },
    restart: { ...context.restart, last_reason: reasonFor(purpose, context) },
  }));

/** Leads to the question; it is a new one even when another is open. */
export const waitFor = (purpose: Purpose) => ({
  target: '#asking' as const,
  reenter: true,
  actions: [openAdmission(purpose)],
});

export const askHost = [
  chart.assign(({ context }) => ({
    admission: context.admission === null ? null : { ...context.admission, reason: null, retry_at: null },
    restart: { ...context.restart, next_attempt_at: null },
  })),
  {
    type: 'ask' as const,
    params: ({ context }: { context: ChartContext }): Effect => ({
      kind: 'host.admit',
      run: context.run.number,
      purpose: context.admission?.purpose ?? 'restart_policy',
    }),
  },
];

/** Asked because of its health, and not granted yet: unless it is now, that was no reason for anything. */
export const dropAdmission = chart.assign(({ context }) => ({
  admission: null,
  restart: {
    ...context.restart,
    next_attempt_at: null,
    last_reason: context.admission?.purpose === 'health' ? null : context.restart.last_reason,
  },
}));

/** An answer to the question that is open, and not to an earlier one. */
export const answersAdmission = ({ context, event }: Moment): boolean =>
  (event.type === 'host.granted' || event.type === 'host.held') &&
  event.run === context.run.number &&
  event.purpose === context.admission?.purpose;

export const grantedFor =
  (purpose: Purpose) =>
  (moment: Moment): boolean =>
    answersAdmission(moment) && moment.context.admission?.purpose === purpose;

/** An answer to what another region asked: for a turn to be put away, or for room to wake. */
const answersOthers = ({ context, event }: Moment): boolean => {
  if (event.type !== 'host.granted' && event.type !== 'host.held') return false;
  if (event.run !== context.run.number) return false;
  if (event.purpose === 'standby') return context.standby.slot !== null;
  return event.purpose === 'wake' && context.admission?.purpose === 'wake';
};

export const passOn = {
  'host.granted': {
    guard: answersOthers,
    actions: chart.raise(({ event }) => ({
      type: 'room.granted' as const,
      at: event.at,
      purpose: event.type === 'host.granted' ? event.purpose : ('standby' as const),
    })),
  },
  'host.held': {
    guard: answersOthers,
    actions: chart.enqueueActions(({ event, enqueue }) => {
      if (event.type === 'host.held') enqueue.raise({ ...event, type: 'room.held' });
    }),
  },
};

/** The guest still runs: a restart of it is what waits. */
export const waitsForHealth = ({ context }: Moment): boolean => context.admission?.purpose === 'health';

export const noteHeld = [
  chart.assign(({ context, event }) => {
    if (event.type !== 'host.held') return {};
    const { purpose, reason, retry_at } = event;
    const since = context.admission?.since ?? event.at;
    return {
      admission: { purpose, since, reason, retry_at },
      restart: { ...context.restart, next_attempt_at: retry_at },
    };
  }),
  chart.emit(({ context }) => ({
    type: 'host.held' as const,
    run: context.run.number,
    purpose: context.admission?.purpose ?? ('restart_policy' as const),
    reason: context.admission?.reason ?? ('memory' as const),
    retry_at: context.admission?.retry_at ?? 0,
  })),
];
