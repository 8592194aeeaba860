import type { ActivityReading, ActivitySource, TrackedGuest } from '../../src/actors/contracts/activity.ts';
import { countedUnder, isLive } from '../../src/actors/contracts/counted-connections.ts';
import type { WorldEntry } from '../../src/adapters/simulator/table-wire.ts';
import { simulatedActivityWorld, type TableBeneath } from '../adapters/simulator/simulated-activity.world.ts';
import { type ActivityWorld, GUEST, NEIGHBOUR, STATES, type TcpState } from './activity.world.ts';

/** A source of activity that breaks one promise, and the check that must notice it. */
export interface LyingSource {
  /** Ends the sentence "a source that ...". */
  readonly lie: string;
  readonly breaks: string;
  readonly make: () => Promise<ActivityWorld>;
}

type Parts = Partial<ActivitySource>;
type Tell = (honest: ActivitySource, beneath: TableBeneath) => Parts;

function liar(lie: string, breaks: string, tell: Tell): LyingSource {
  const make = (): Promise<ActivityWorld> =>
    simulatedActivityWorld((honest, beneath) => ({
      watch: (guest, hear) => honest.watch(guest, hear),
      confirm: (guest) => honest.confirm(guest),
      connectionsOf: (instance) => honest.connectionsOf(instance),
      status: () => honest.status(),
      forget: (addresses, before) => honest.forget(addresses, before),
      close: () => honest.close(),
      ...tell(honest, beneath),
    }));
  return { lie, breaks, make };
}

/** Tells something else where the honest one tells this; null: nothing. */
function telling(honest: ActivitySource, instead: (reading: ActivityReading) => ActivityReading | null): Parts {
  return {
    watch: (guest, tell) =>
      honest.watch(guest, (reading) => {
        const told = instead(reading);
        if (told !== null) tell(told);
      }),
  };
}

/** Asks the honest one about another guest. */
function about(honest: ActivitySource, changed: (guest: TrackedGuest) => TrackedGuest): Parts {
  return {
    watch: (guest, tell) => honest.watch(changed(guest), tell),
    confirm: (guest) => honest.confirm(changed(guest)),
  };
}

function withPolicy(honest: ActivitySource, policy: Partial<TrackedGuest['policy']>): Parts {
  return about(honest, (guest) => ({ ...guest, policy: { ...guest.policy, ...policy } }));
}

/** Counts the entries of the table by a rule of its own, with every change of it. */
function counting({ entries, observe, now }: TableBeneath, counts: (entry: WorldEntry) => boolean): Parts {
  const read = async ({ addresses }: TrackedGuest): Promise<ActivityReading> => {
    const all = await entries();
    const connections = all.filter((entry) => addresses.includes(entry.to) && counts(entry)).length;
    return { observer: 'in_order', connections, since: now() };
  };
  return {
    confirm: read,
    watch(guest, tell) {
      const look = (): void => void read(guest).then(tell);
      look();
      return observe(look);
    },
  };
}

const is = ({ state }: WorldEntry, name: TcpState): boolean => state === STATES.indexOf(name);
const lives = (entry: WorldEntry): boolean => isLive({ ...entry, tcp_state: entry.state, ...NOWHERE });
const NOWHERE = { original: { source: '', source_port: 0 }, reply: { source: '', source_port: 0 } };

const FIRST = 'the first reading is of the table: what was open before counts';
const COUNTING = 'a connection counts from its opening to its end, over IPv4 and IPv6, TCP and UDP';
const IN_STATES = 'every state of TCP counts, half-open and half-closed ones too, but NONE, TIME_WAIT and CLOSE';
const IS_OVER =
  'a connection that is half-open counts, and is over when the kernel has seen its end, not when it forgets it';
const RUNS_OUT = 'UDP counts until its time has run out, which nobody tells of';
const IGNORED = 'ignored sources, ignored ports and our own probes do not count, whatever the form of the address';
const OTHERS = 'connections to somebody else do not count';
const SINCE = 'since when there are none, or some, is told: it changes with the kind, and is never in the future';
const BRIEF = 'one that is opened and ended at once is told of, if only by a later since';
const LISTED = 'the connections are listed, as many as one view takes, and all of them counted';
const STOPPED = 'nothing is told to whoever has stopped watching';
const CONFIRMED = 'a confirmation reads the table: it finds what nobody was told of, opened or ended';
const SHARED = 'whoever confirms at the same moment shares a dump';
const UNREADABLE = 'a table that cannot be read confirms nothing, and it is said why, until it can be read again';
const REMOVED = 'entries to a former guest are removed, in every state, and nobody else’s are';
const NOT_REMOVED = 'to forget no address removes nothing';
const IN_TIME = 'what was not removed in time is not removed later';
const LOSS = 'loss of events is told at once, counted, and ends with a reading of the table';
const STAYS_LOST =
  'while the table cannot be read after a loss, it stays lost, and so it is for whoever begins to watch';

const liarsInCounting: readonly LyingSource[] = [
  liar('knows only what was opened since it began to watch', FIRST, (honest) => {
    let first = true;
    return telling(honest, (reading) => {
      const told = first && reading.observer === 'in_order' ? { ...reading, connections: 0 } : reading;
      first = false;
      return told;
    });
  }),
  liar('knows IPv4 only', COUNTING, (honest) =>
    about(honest, (guest) => ({ ...guest, addresses: guest.addresses.slice(0, 1) })),
  ),
  liar('knows TCP only', COUNTING, (_, beneath) =>
    counting(beneath, (entry) => entry.protocol === 'tcp' && lives(entry)),
  ),
  liar('counts TIME_WAIT', IN_STATES, (_, beneath) =>
    counting(beneath, (entry) => lives(entry) || is(entry, 'TIME_WAIT')),
  ),
  liar('forgets those that are half-open', IN_STATES, (_, beneath) =>
    counting(beneath, (entry) => lives(entry) && !is(entry, 'SYN_SENT')),
  ),
  liar('forgets those that are half-closed', IN_STATES, (_, beneath) =>
    counting(beneath, (entry) => lives(entry) && !is(entry, 'CLOSE_WAIT')),
  ),
  liar('counts only the states that it knows', IN_STATES, (_, beneath) =>
    counting(beneath, (entry) => lives(entry) && !is(entry, 'SYN_SENT2')),
  ),
  liar('counts an entry until the kernel forgets it', IS_OVER, (_, beneath) => counting(beneath, () => true)),
  liar('says that UDP was idle since its last packet', RUNS_OUT, (honest) => {
    let since = 0;
    return telling(honest, (reading) => {
      if (reading.observer === 'lost') return reading;
      if (reading.connections > 0) since = reading.since;
      return reading.connections === 0 && since > 0 ? { ...reading, since } : reading;
    });
  }),
  liar('knows no ignored sources', IGNORED, (honest) => withPolicy(honest, { ignore_source_cidrs: [] })),
  liar('knows no ignored ports', IGNORED, (honest) => withPolicy(honest, { ignore_destination_ports: [] })),
  liar('counts the daemon’s own probes', IGNORED, (_, beneath) => {
    const counts = countedUnder(GUEST.policy);
    return counting(beneath, ({ protocol, client, client_port, to, port, state }) =>
      counts({
        protocol,
        original: { source: client, source_port: client_port },
        reply: { source: to, source_port: port },
        tcp_state: state,
      }),
    );
  }),
  liar('takes a neighbour’s connections for the guest’s', OTHERS, (honest) =>
    about(honest, (guest) => ({ ...guest, addresses: [...guest.addresses, ...NEIGHBOUR.addresses] })),
  ),
];

const liarsInTelling: readonly LyingSource[] = [
  liar('says of every reading that it is so since now', SINCE, (honest, { now }) =>
    telling(honest, (reading) => (reading.observer === 'lost' ? reading : { ...reading, since: now() + 1 })),
  ),
  liar('says that it was idle for longer than it was', SINCE, (honest) =>
    telling(honest, (reading) => (reading.observer === 'lost' ? reading : { ...reading, since: 0 })),
  ),
  liar('overlooks those that are over by the time that it tells', BRIEF, (honest) => {
    let first: ActivityReading | null = null;
    return telling(honest, (reading) => {
      first ??= reading;
      return reading === first ? reading : null;
    });
  }),
  liar('lists nothing', LISTED, (honest) => ({
    connectionsOf: (instance) => {
      const view = honest.connectionsOf(instance);
      return view && { ...view, listed: [] };
    },
  })),
  liar('counts what it lists', LISTED, (honest) =>
    telling(honest, (reading) =>
      reading.observer === 'lost' ? reading : { ...reading, connections: Math.min(reading.connections, 32) },
    ),
  ),
  liar('goes on to tell', STOPPED, (honest) => ({
    watch(guest, tell) {
      honest.watch(guest, tell);
      return () => undefined;
    },
  })),
];

const liarsInConfirming: readonly LyingSource[] = [
  liar('confirms from memory', CONFIRMED, (honest) => {
    let last: ActivityReading = { observer: 'in_order', connections: 0, since: 0 };
    return {
      ...telling(honest, (reading) => {
        last = reading;
        return reading;
      }),
      confirm: async () => last,
    };
  }),
  liar('lets guests sleep on a stale dump', CONFIRMED, (honest) => {
    let before: Promise<ActivityReading> | undefined;
    return {
      confirm(guest) {
        before ??= honest.confirm(guest);
        return before;
      },
    };
  }),
  liar('reads the table once for each who asks', SHARED, (honest) => {
    let turn: Promise<unknown> = Promise.resolve();
    return {
      confirm(guest) {
        const answer = turn.then(() => honest.confirm(guest));
        turn = answer;
        return answer;
      },
    };
  }),
  liar('takes a table that it cannot read for an empty one', UNREADABLE, (honest, { now }) => ({
    async confirm(guest) {
      const answer = await honest.confirm(guest);
      return answer.observer === 'lost' ? { observer: 'in_order', connections: 0, since: now() } : answer;
    },
  })),
];

const liarsInRemoving: readonly LyingSource[] = [
  liar('removes nothing', REMOVED, () => ({ forget: async () => undefined })),
  liar('removes the entries of a neighbour, too', REMOVED, (honest) => ({
    forget: (addresses, before) => honest.forget([...addresses, ...NEIGHBOUR.addresses], before),
  })),
  liar('removes entries however late it is', IN_TIME, (honest) => ({
    forget: (addresses) => honest.forget(addresses, Number.POSITIVE_INFINITY),
  })),
  liar('flushes the table when it is told of no address', NOT_REMOVED, (honest) => ({
    forget: (addresses, before) =>
      honest.forget(addresses.length === 0 ? [...GUEST.addresses, ...NEIGHBOUR.addresses] : addresses, before),
  })),
];

const liarsInLosing: readonly LyingSource[] = [
  liar('hides loss', LOSS, (honest) => telling(honest, (reading) => (reading.observer === 'lost' ? null : reading))),
  liar('does not count losses', LOSS, (honest) => ({ status: () => ({ ...honest.status(), losses: 0 }) })),
  liar('says that it is in order before it has read the table again', STAYS_LOST, (honest) => ({
    watch(guest, tell) {
      let last: ActivityReading | null = null;
      return honest.watch(guest, (reading) => {
        tell(reading);
        if (reading.observer === 'in_order') last = reading;
        else if (last !== null) tell(last);
      });
    },
  })),
];

export const lyingSources: readonly LyingSource[] = [
  ...liarsInCounting,
  ...liarsInTelling,
  ...liarsInConfirming,
  ...liarsInRemoving,
  ...liarsInLosing,
];
