import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Observation } from '../../actors/contracts/hypervisor.ts';
import { type Journal, memoryJournal } from './journal.ts';
import type { WorldAnswer, WorldRequest } from './wire.ts';
import { befall, hostReboot, nextFault, setFault } from './world-fate.ts';
import { retell } from './world-retelling.ts';
import { act, endRun } from './world-runs.ts';
import { damage, drop, list } from './world-snapshots.ts';
import {
  createState,
  EVERY_INSTANCE,
  forgetStartingRun,
  instanceOf,
  isLive,
  realityOf,
  stateOf,
  takeToken,
  voidRun,
  type WorldState,
  watchRun,
} from './world-state.ts';

/**
 * A simulated host with its VMMs and guests. It knows nothing of the daemon: it does what it is asked, also when that
 * is foolish (two VMMs of one instance), and its journal tells. Every request is O(1) in the number of instances,
 * except `host_reboot`.
 */
export interface World {
  /** Answers at once; null when the answer will never come (fault `hang_after`). `owner`: who holds tokens taken now. */
  handle(request: WorldRequest, owner: object): WorldAnswer | null;
  observe(listener: (observation: Observation) => void): () => void;
  /** Called after each change of the table of connections that its readers can notice. */
  observeTable(listener: () => void): () => void;
  /** This owner is gone: nothing it has prepared will be spawned, and it observes nothing any more. */
  abandon(owner: object): void;
  /** Ends every VMM and closes the journal. */
  end(): void;
  readonly journal: Journal;
}

export interface WorldOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Where the journal goes; in memory when left out. What it holds from before is retold first. */
  readonly journal?: Journal;
}

export function createWorld(options: WorldOptions): World {
  const journal = options.journal ?? memoryJournal();
  const listeners = new Set<(observation: Observation) => void>();
  const state = createState({ ...options, journal }, (observation) => {
    for (const listener of listeners) listener(observation);
  });
  retell(state, journal.earlier);
  state.record({ type: 'world.started', boot_id: state.bootId });
  return {
    journal,
    handle(request, owner) {
      journal.flush();
      return handle(state, request, owner);
    },
    observe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    observeTable: (listener) => state.table.observe(listener),
    abandon(owner) {
      state.gone.add(owner);
      for (const run of state.starting) if (run.owner === owner) forgetStartingRun(state, run);
    },
    end() {
      for (const instance of state.instances.values()) {
        for (const run of instance.live) endRun(state, run, { reason: 'killed', code: null, message: null }, 'world');
      }
      state.table.close();
      state.record({ type: 'world.ended' });
      journal.close();
    },
  };
}

function prepare(state: WorldState, request: Extract<WorldRequest, { op: 'prepare' }>, owner: object): WorldAnswer {
  const { operation, instance, run, effect } = request;
  const starts = operation === 'boot' || operation === 'restore';
  const taken = starts && takeToken(state, instance, run, owner) === null;
  if (taken) state.record({ type: 'spawn.refused', instance, run, effect });
  return { answer: 'prepared', taken, fault: taken ? 'ok' : nextFault(state, instance, operation) };
}

function inspect(state: WorldState, request: Extract<WorldRequest, { op: 'inspect' }>, owner: object): WorldAnswer {
  const { instance, run, watch } = request;
  const fault = nextFault(state, instance, 'inspect');
  const found = state.instances.get(instance)?.runs.get(run);
  if (fault === 'crash' && isLive(found)) {
    endRun(state, found, { reason: 'crashed', code: null, message: 'the simulated VMM crashed' }, 'world');
  }
  if (watch && isLive(found)) watchRun(found, owner);
  return { answer: 'reality', reality: realityOf(state, instance, run), fault };
}

function remove(state: WorldState, id: string): WorldAnswer {
  const instance = state.instances.get(id);
  if (instance !== undefined && instance.live.size > 0) {
    return { answer: 'failed', code: 'still_running', message: 'a VMM of this instance is alive', ended: null };
  }
  for (const run of instance?.runs.values() ?? []) voidRun(state, run);
  state.instances.delete(id);
  state.faults.delete(id);
  if (instance !== undefined) state.record({ type: 'instance.removed', instance: id });
  return { answer: 'done', pid: null, ended: null };
}

/** What a simulated guest, or its VMM, wrote: a few lines, made up when asked for. They only grow while a run goes on. */
function logText(state: WorldState, { instance, run: number, source }: Extract<WorldRequest, { op: 'log' }>): string {
  const run = state.instances.get(instance)?.runs.get(number);
  if (run === undefined || run.pid === 0) return '';
  const isConsole = source === 'console';
  const lines = [isConsole ? `simulated guest of ${instance}, run ${number}` : `simulated VMM, pid ${run.pid}`];
  if (isConsole && run.ready) lines.push('guest is ready');
  if (run.end !== null) lines.push(`ended: ${run.end.reason}`);
  return `${lines.join('\n')}\n`;
}

function changeSettings(state: WorldState, { instance: id, settings }: Extract<WorldRequest, { op: 'settings' }>) {
  // A setting that is left out keeps its value.
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  if (id === EVERY_INSTANCE) {
    state.everySetting = { ...state.everySetting, ...given };
    return;
  }
  const instance = instanceOf(state, id);
  instance.settings = { ...instance.settings, ...given };
}

function handle(state: WorldState, request: WorldRequest, owner: object): WorldAnswer | null {
  switch (request.op) {
    case 'prepare':
      return prepare(state, request, owner);
    case 'release': {
      const run = state.instances.get(request.instance)?.runs.get(request.run);
      if (run?.owner === owner) voidRun(state, run);
      break;
    }
    case 'inspect':
      return inspect(state, request, owner);
    case 'drop_snapshot':
      drop(state, request.instance, request.snapshot);
      break;
    case 'list_snapshots':
      return { answer: 'snapshots', snapshots: [...list(state, request.instance)] };
    case 'damage':
      return damage(state, request);
    case 'remove':
      return remove(state, request.instance);
    case 'log':
      return { answer: 'log', text: logText(state, request) };
    case 'deed':
      return befall(state, request);
    case 'fault':
      return setFault(state, request);
    case 'settings':
      changeSettings(state, request);
      break;
    case 'traffic':
      return state.table.change(request.instance, request.change);
    case 'table':
    case 'table_events':
    case 'dump':
    case 'forget':
      return state.table.act(request);
    case 'state':
      return { answer: 'state', state: stateOf(state, request.instance) };
    case 'host_reboot':
      return hostReboot(state);
    default:
      return act(state, request, owner);
  }
  return { answer: 'done', pid: null, ended: null };
}
