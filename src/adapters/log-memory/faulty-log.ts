import type { AppendResult, Log, LogEntry } from '../../actors/contracts/log.ts';

/**
 * What can be made to happen to an append:
 * - `refused_full`, `refused_unavailable`: nothing is written.
 * - `unknown_lost`: nothing is written, the answer is `unknown`; `unknown_written`: it is written, the answer is the same.
 * - `conflict`: nothing is written, the answer is `conflict` with the present head, as a second owner would cause.
 * - `hang`: nothing is written and no answer comes until `release()`; then the append goes on.
 * - `die_before`, `die_after`: the process using the log is gone before, or right after, the entry is written: from
 *   then on nothing is answered at all. What was written is still in the log underneath.
 */
export type LogFault =
  | 'refused_full'
  | 'refused_unavailable'
  | 'unknown_lost'
  | 'unknown_written'
  | 'conflict'
  | 'hang'
  | 'die_before'
  | 'die_after';

export interface FaultyLog extends Log {
  /** Appends asked for so far, faulty ones included. */
  readonly appends: () => number;
  /** The `nth` append from now on (1 = the next one) meets the fault, once. */
  readonly fail: (fault: LogFault, nth?: number) => void;
  /** Every append meets the fault, until told otherwise with null. */
  readonly failAll: (fault: LogFault | null) => void;
  /** Lets go of every append that hangs. */
  readonly release: () => void;
  readonly dead: () => boolean;
}

const NEVER: Promise<never> = new Promise(() => undefined);

interface FaultState {
  readonly planned: Map<number, LogFault>;
  always: LogFault | null;
  hanging: (() => void)[];
  appends: number;
  dead: boolean;
}

async function appendWithFault(
  inner: Log,
  state: FaultState,
  fault: LogFault | null,
  args: Parameters<Log['append']>,
): Promise<AppendResult> {
  switch (fault) {
    case null:
      return inner.append(...args);
    case 'refused_full':
      return { kind: 'refused', reason: 'full', message: 'told to be full' };
    case 'refused_unavailable':
      return { kind: 'refused', reason: 'unavailable', message: 'told to be unavailable' };
    case 'unknown_lost':
      return { kind: 'unknown', message: 'told not to know' };
    case 'unknown_written':
      await inner.append(...args);
      return { kind: 'unknown', message: 'told not to know' };
    case 'conflict':
      return { kind: 'conflict', head: await inner.head(args[0]) };
    case 'hang':
      await new Promise<void>((resolve) => state.hanging.push(resolve));
      return inner.append(...args);
    case 'die_before':
      state.dead = true;
      return NEVER;
    case 'die_after':
      state.dead = true;
      await inner.append(...args);
      return NEVER;
  }
}

async function* unlessDead<T extends LogEntry>(state: FaultState, entries: () => AsyncIterable<T>): AsyncGenerator<T> {
  if (state.dead) await NEVER;
  for await (const entry of entries()) {
    if (state.dead) await NEVER;
    yield entry;
  }
}

/** The given log with faults on request; without any it behaves as the log it wraps. */
export function createFaultyLog(inner: Log): FaultyLog {
  const state: FaultState = { planned: new Map(), always: null, hanging: [], appends: 0, dead: false };
  const orDead = async <T>(answer: Promise<T>): Promise<T> => {
    const value = await answer;
    return state.dead ? NEVER : value;
  };
  return {
    survives: inner.survives,
    state: () => inner.state(),
    append: (...args) => {
      if (state.dead) return NEVER;
      state.appends += 1;
      const fault = state.planned.get(state.appends) ?? state.always;
      state.planned.delete(state.appends);
      return orDead(appendWithFault(inner, state, fault, args));
    },
    read: (...args) => unlessDead(state, () => inner.read(...args)),
    head: (stream) => (state.dead ? NEVER : orDead(inner.head(stream))),
    heads: (...args) => unlessDead(state, () => inner.heads(...args)),
    extent: () => (state.dead ? NEVER : orDead(inner.extent())),
    readAll: (...args) => unlessDead(state, () => inner.readAll(...args)),
    readBackwards: () => unlessDead(state, () => inner.readBackwards()),
    trim: (first) => (state.dead ? NEVER : orDead(inner.trim(first))),
    usage: () => (state.dead ? NEVER : orDead(inner.usage())),
    subscribe: (after, signal) => unlessDead(state, () => inner.subscribe(after, signal)),
    close: () => inner.close(),
    appends: () => state.appends,
    fail: (fault, nth = 1) => {
      state.planned.set(state.appends + nth, fault);
    },
    failAll: (fault) => {
      state.always = fault;
    },
    release: () => {
      const hanging = state.hanging;
      state.hanging = [];
      for (const release of hanging) release();
    },
    dead: () => state.dead,
  };
}
