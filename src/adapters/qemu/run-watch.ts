import type { Clock } from '../../actors/contracts/clock.ts';
import type { Observation, RunEnd, RunRef } from '../../actors/contracts/hypervisor.ts';
import { parseReadyRule } from './image/manifest.ts';
import { openMonitor } from './monitor.ts';
import { isAlive, type ProcessIdentity } from './process-identity.ts';
import type { QmpConnection, QmpEvent } from './qmp.ts';
import { isReadyNow, READY_POLL_MS, saysReady } from './readiness.ts';
import { type RunFacts, readMarks, readRunJournal, writeMarks } from './run-directory.ts';
import { endIsRecorded, tellEnd } from './run-ending.ts';
import { isNewReboot } from './run-journal.ts';

export interface WatchedRun {
  readonly ref: RunRef;
  readonly directory: string;
  readonly facts: RunFacts;
  readonly identity: ProcessIdentity;
}

export interface RunWatch extends WatchedRun {
  /** The one monitor connection of the VMM; null while it is lost. */
  monitor(): QmpConnection | null;
  isReady(): boolean;
  /** Whether the guest rebooted unseen before this watch began. */
  readonly rebootedBefore: boolean;
  /** Resolves once the first connection was tried: readiness is then known as far as it can be. */
  readonly attached: Promise<void>;
  /** How the run ended, after it was observed; null when the watch was closed before. */
  readonly ended: Promise<RunEnd | null>;
  /** Stops watching; the VMM goes on. */
  close(): void;
}

export interface WatchOptions {
  readonly clock: Clock;
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

/**
 * Watches a running VMM until it ends: keeps its monitor connected, and tells readiness once, every guest reboot, and
 * the end once. What was ready or rebooted before the watch began is told by its fields, not observed again.
 */
export function watchRun(run: WatchedRun, options: WatchOptions): RunWatch {
  const { directory, facts, ref } = run;
  const { clock, emit } = options;
  const closing = new AbortController();
  const attached = Promise.withResolvers<void>();
  const rule = parseReadyRule(facts.ready) ?? { by: 'immediate' };
  let marks = readMarks(directory);
  let writes: Promise<void> = Promise.resolve();
  let monitor: QmpConnection | null = null;
  let isAttached = options.isFresh;
  let failures = 0;

  const mark = (change: Partial<typeof marks>): void => {
    marks = { ...marks, ...change };
    const snapshot = marks;
    const failed = (error: unknown): void => options.log(`run ${ref.instance}/${ref.run}: marks not kept: ${error}`);
    writes = writes.then(() => writeMarks(directory, snapshot)).catch(failed);
  };
  const becomeReady = (): void => {
    if (marks.ready_at !== null || closing.signal.aborted) return;
    mark({ ready_at: clock.now() });
    if (isAttached) emit({ type: 'guest.ready', ...ref, occurred_at: clock.now() });
  };
  const noteReset = (at: number): boolean => {
    const isNew = isNewReboot(at, marks.reboots_seen_until);
    mark({ reboots_seen_until: Math.max(at, marks.reboots_seen_until ?? at) });
    return isNew;
  };
  /** Reboots in the event log that were not noticed while the monitor was not connected. */
  const unseenReboots = (): number[] => readRunJournal(directory).reboots.filter(noteReset);

  const onEvent = (event: QmpEvent): void => {
    if (event.name === 'RESET' && noteReset(event.at)) emit({ type: 'guest.rebooted', ...ref, occurred_at: event.at });
    if (saysReady(rule, event)) becomeReady();
  };
  const askReady = async (connection: QmpConnection): Promise<void> => {
    const question = { rule, directory, hostPort: facts.ready_host_port, clock, monitor: connection };
    if (marks.ready_at === null && (await isReadyNow(question))) becomeReady();
  };
  const pollReady = async (connection: QmpConnection): Promise<void> => {
    while (monitor === connection && marks.ready_at === null && (rule.by === 'port' || rule.by === 'console')) {
      await clock.sleep(READY_POLL_MS, closing.signal);
      if (monitor === connection) await askReady(connection).catch(() => undefined);
    }
  };
  const attach = (): void => {
    isAttached = true;
    attached.resolve();
  };

  /** One connection from its greeting to its end. */
  const stayConnected = async (): Promise<void> => {
    const lost = Promise.withResolvers<void>();
    const onClose = (): void => {
      monitor = null;
      lost.resolve();
    };
    const connection = await openMonitor(directory, clock, { onEvent, onClose });
    monitor = connection;
    failures = 0;
    if (closing.signal.aborted) return connection.close();
    if (isAttached) for (const at of unseenReboots()) emit({ type: 'guest.rebooted', ...ref, occurred_at: at });
    await askReady(connection).catch(() => undefined);
    attach();
    await Promise.race([lost.promise, pollReady(connection).then(() => lost.promise)]);
  };

  const pauseAfterFailure = async (): Promise<void> => {
    failures += 1;
    const isFirst = failures <= RECONNECT_FIRST_TRIES;
    if (!isFirst || !options.isFresh) attach();
    await clock.sleep(isFirst ? RECONNECT_FIRST_MS : RECONNECT_MS, closing.signal);
  };

  const watchUntilEnd = async (): Promise<RunEnd | null> => {
    while (!closing.signal.aborted && isAlive(run.identity)) {
      const failure = await stayConnected().then(
        () => null,
        (error: Error) => error.message,
      );
      if (closing.signal.aborted) break;
      if (failure !== null) await pauseAfterFailure();
      else if (await endIsRecorded(directory, clock, END_AFTER_CLOSE_MS)) break;
    }
    attach();
    await writes;
    if (closing.signal.aborted) return null;
    const end = await tellEnd(directory, facts, clock);
    if (closing.signal.aborted) return null;
    emit({ type: 'vmm.exited', ...ref, ...end });
    return end;
  };

  const rebootedBefore = unseenReboots().length > 0;
  return {
    ...run,
    monitor: () => monitor,
    isReady: () => marks.ready_at !== null,
    rebootedBefore,
    attached: attached.promise,
    ended: watchUntilEnd(),
    close: () => {
      closing.abort();
      monitor?.close();
    },
  };
}
