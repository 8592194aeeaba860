import type { Clock } from '../../actors/contracts/clock.ts';
import type { Observation, RunEnd, RunRef } from '../../actors/contracts/hypervisor.ts';
import { isAlive, type ProcessIdentity } from '../../actors/contracts/process-identity.ts';
import { parseReadyRule } from './image/manifest.ts';
import { openMonitor } from './monitor.ts';
import type { QmpConnection, QmpEvent } from './qmp.ts';
import {
  type Asker,
  isPolled,
  isReadyNow,
  READY_POLL_MS,
  type ReadyQuestion,
  readyPlaceOf,
  saysAgentGone,
  saysReady,
} from './readiness.ts';
import type { RunFacts } from './run-directory.ts';
import { endIsRecorded, tellEnd } from './run-ending.ts';
import { keepNotes } from './run-notes.ts';

export interface WatchedRun {
  readonly ref: RunRef;
  readonly directory: string;
  readonly facts: RunFacts;
  readonly identity: ProcessIdentity;
}

export interface RunWatch extends WatchedRun {
  /** The one monitor connection of the VMM; null while it is lost. */
  monitor(): QmpConnection | null;
  /** Resolves when the monitor answers for the first time. */
  readonly linked: Promise<void>;
  isReady(): boolean;
  /** Calls back whenever the guest closes the port of its agent, until the answer is called. */
  onAgentGone(listener: () => void): () => void;
  /** Whether the guest rebooted unseen before this watch began. */
  readonly rebootedBefore: boolean;
  /** Resolves once the first connection was tried: readiness is then known as far as it can be. */
  readonly attached: Promise<void>;
  /** How the run ended, after it was observed; null when the watch was closed before. */
  readonly ended: Promise<RunEnd | null>;
  /** Stops watching; the VMM goes on. Resolves when what was noted is kept. */
  close(): Promise<void>;
}

export interface WatchOptions extends Asker {
  readonly emit: (observation: Observation) => void;
  readonly log: (line: string) => void;
  /** The run was started just now: readiness found by the first question is then observed too, not only told. */
  readonly isFresh: boolean;
}

/** Pause before the monitor of a living VMM is tried again: short at first, as a new VMM needs a moment to listen. */
const RECONNECT_FIRST_MS = 10;
const RECONNECT_MS = 250;
const RECONNECT_FIRST_TRIES = 20;
/** A closed monitor nearly always means that the VMM is on its way out: its end is waited for this long first. */
const END_AFTER_CLOSE_MS = 250;

const UNREADABLE_END: RunEnd = {
  reason: 'unknown',
  code: null,
  message: 'how the run ended cannot be read',
  ended_at: null,
};

interface Link {
  readonly monitor: () => QmpConnection | null;
  readonly linked: Promise<void>;
  /** Keeps one connection from its greeting to its end. Rejects when it cannot be made. */
  readonly stay: () => Promise<void>;
  readonly close: () => void;
}

interface LinkHandlers {
  readonly onEvent: (event: QmpEvent) => void;
  /** Runs right after each greeting. */
  readonly onOpen: (monitor: QmpConnection) => Promise<void>;
  /** Runs beside the connection. */
  readonly beside: (monitor: QmpConnection) => Promise<void>;
}

/** The one monitor connection of a VMM. */
function createLink(directory: string, clock: Clock, handlers: LinkHandlers): Link {
  const linked = Promise.withResolvers<void>();
  let monitor: QmpConnection | null = null;
  let isClosed = false;
  const stay = async (): Promise<void> => {
    const lost = Promise.withResolvers<void>();
    const onClose = (): void => {
      monitor = null;
      lost.resolve();
    };
    const connection = await openMonitor(directory, clock, { onEvent: handlers.onEvent, onClose });
    if (isClosed) return connection.close();
    monitor = connection;
    linked.resolve();
    try {
      await handlers.onOpen(connection);
      await Promise.race([lost.promise, handlers.beside(connection).then(() => lost.promise)]);
    } finally {
      // A VMM speaks to one client at a time: one that is left open would keep the next one waiting for ever.
      connection.close();
    }
  };
  const close = (): void => {
    isClosed = true;
    monitor?.close();
  };
  return { monitor: () => monitor, linked: linked.promise, stay, close };
}

/** Pauses after each failed connection in a row: short ones first. Answers how many failed. */
function createPauses(
  clock: Clock,
  signal: AbortSignal,
): { readonly next: () => Promise<void>; readonly reset: () => void } {
  let failures = 0;
  const next = async (): Promise<void> => {
    failures += 1;
    await clock.sleep(failures <= RECONNECT_FIRST_TRIES ? RECONNECT_FIRST_MS : RECONNECT_MS, signal);
  };
  const reset = (): void => {
    failures = 0;
  };
  return { next, reset };
}

interface Callbacks {
  readonly add: (callback: () => void) => () => void;
  readonly call: () => void;
}

function createCallbacks(): Callbacks {
  const callbacks = new Set<() => void>();
  const add = (callback: () => void) => {
    callbacks.add(callback);
    return () => callbacks.delete(callback);
  };
  const call = (): void => {
    for (const callback of [...callbacks]) callback();
  };
  return { add, call };
}

type Report = (error: unknown) => void;

/** Nobody catches what a watch throws, and no other guest may be forsaken for a disk, or a table, that cannot be read. */
async function unlessUnreadable<T>(report: Report, read: () => T | Promise<T>, otherwise: T): Promise<T> {
  try {
    return await read();
  } catch (error) {
    report(error);
    return otherwise;
  }
}

interface Staying {
  readonly link: Link;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly pauses: ReturnType<typeof createPauses>;
  readonly onLost: () => void;
  readonly report: Report;
}

/** Keeps the monitor of a VMM connected until that is gone. */
async function stayUntilEnd({ directory, identity }: WatchedRun, staying: Staying): Promise<void> {
  const { link, clock, signal, pauses, onLost, report } = staying;
  while (!signal.aborted && (await unlessUnreadable(report, () => isAlive(identity), true))) {
    const wasOpen = await link.stay().then(
      () => true,
      () => false,
    );
    const isOver = () => endIsRecorded(directory, clock, END_AFTER_CLOSE_MS);
    if (!wasOpen) onLost();
    else if (signal.aborted || (await unlessUnreadable(report, isOver, false))) return;
    // Also after a connection: one that is dropped at once, beside an end that cannot be read, would be made again without end.
    await pauses.next();
  }
}

/**
 * Watches a running VMM until it ends: keeps its monitor connected, and tells readiness once, every guest reboot, and
 * the end once. What was ready or rebooted before the watch began is told by its fields, not observed again.
 */
export function watchRun(run: WatchedRun, options: WatchOptions): RunWatch {
  const { directory, facts, ref } = run;
  const { clock, probeAddress, isFresh } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const attached = Promise.withResolvers<void>();
  const rule = parseReadyRule(facts.ready) ?? { by: 'immediate' };
  const emit = (observation: Observation): void => {
    if (!signal.aborted) options.emit(observation);
  };
  const notes = keepNotes(directory, (error) => options.log(`run ${ref.instance}/${ref.run}: not kept: ${error}`));
  const rebootedBefore = notes.unseenReboots().length > 0;
  const pauses = createPauses(clock, signal);
  let isAttached = isFresh;
  let witnessed: string | null = null;
  const agentGone = createCallbacks();

  const ready = (): void => {
    const isNew = !signal.aborted && notes.becomeReady(clock.now());
    if (isNew && isAttached) emit({ type: 'guest.ready', ...ref, occurred_at: clock.now() });
  };
  const rebooted = (at: number): void => emit({ type: 'guest.rebooted', ...ref, occurred_at: at });
  const askReady = async (monitor: QmpConnection): Promise<void> => {
    const question: ReadyQuestion = { rule, directory, place: readyPlaceOf(facts), clock, probeAddress, monitor };
    if (!notes.isReady() && (await isReadyNow(question).catch(() => false))) ready();
  };
  const attach = (): void => {
    isAttached = true;
    attached.resolve();
  };
  const link = createLink(directory, clock, {
    onEvent: (event) => {
      if (event.name === 'RESET' && notes.isNewReset(event.at)) rebooted(event.at);
      if (saysReady(rule, event)) ready();
      if (saysAgentGone(event)) agentGone.call();
      if (event.name === 'SHUTDOWN' && typeof event.data.reason === 'string') witnessed = event.data.reason;
    },
    onOpen: async (monitor) => {
      pauses.reset();
      if (isAttached) notes.unseenReboots().forEach(rebooted);
      await askReady(monitor);
      attach();
    },
    beside: async (monitor) => {
      while (isPolled(rule) && link.monitor() === monitor && !notes.isReady()) {
        await clock.sleep(READY_POLL_MS, signal);
        if (link.monitor() === monitor) await askReady(monitor);
      }
    },
  });

  const report: Report = (error) => options.log(`run ${ref.instance}/${ref.run}: cannot be read: ${error}`);
  const watchUntilEnd = async (): Promise<RunEnd | null> => {
    const onLost = (): void => {
      if (!isFresh) attach();
    };
    await stayUntilEnd(run, { link, clock, signal, pauses, onLost, report });
    attach();
    await notes.kept();
    const end = signal.aborted
      ? null
      : await unlessUnreadable(report, () => tellEnd(directory, facts, clock, witnessed), UNREADABLE_END);
    if (signal.aborted || end === null) return null;
    emit({ type: 'vmm.exited', ...ref, ...end });
    return end;
  };

  return {
    ...run,
    monitor: link.monitor,
    linked: link.linked,
    isReady: notes.isReady,
    onAgentGone: agentGone.add,
    rebootedBefore,
    attached: attached.promise,
    ended: watchUntilEnd(),
    close: () => {
      closing.abort();
      link.close();
      return notes.kept();
    },
  };
}
