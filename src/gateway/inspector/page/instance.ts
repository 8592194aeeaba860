import { computed, effect, type ReadonlySignal, type Signal, signal, untracked } from '@preact/signals';
import type { InstanceRecord } from '../../../../machines/record.ts';
import type { ProbesView } from '../../../projections/health-view.ts';
import type { InstanceView } from '../../../projections/instance-view.ts';
import type { RestartForecastView } from '../../../projections/restart-view.ts';
import type { WakefulnessView } from '../../../projections/wakefulness.ts';
import {
  EMPTY_WINDOW,
  firstHeld,
  isAtHead,
  isHeldWithBefore,
  isPastTheEnds,
  type RecordWindow,
  recordAt,
  type ShownRecord,
  withNewest,
  withPage,
} from '../model/record-window.ts';
import type { SeenNow } from '../model/sleep-words.ts';
import { now, sleep } from './browser-clock.ts';
import { ask, Refused } from './daemon.ts';
import { listenToRecords } from './fleet.ts';
import { goTo, place } from './session.ts';

/** One instance that is looked at: a piece of its records, its present view, and the moment that is shown. */

const PAGE = 60;
/** Fetched at each news: those that came and, of those before, what has become of what they asked for. */
const PAGE_OF_NEWS = 20;
/** Newer records fetched along with one that was asked for, so that the next steps are at hand. */
const PAGE_AHEAD = 20;

/** How often a guest that is probed or watched is looked at: its probes and connections write no records, so nothing tells of them. */
const LOOK_EVERY_MS = 2_000;

/** What GET shows of one instance: its view, and what is known beside the log. */
export interface PresentView extends InstanceView {
  readonly restart_forecast?: RestartForecastView;
  readonly probes?: ProbesView;
  readonly wakefulness?: WakefulnessView;
  readonly schedules?: Readonly<Record<string, { readonly cron: string; readonly time_zone: string }>>;
  /** By name of the schedule; absent where none comes soon enough to be told. */
  readonly next_scheduled?: Readonly<Record<string, string>>;
  readonly schedules_in_vain?: Readonly<Record<string, string>>;
}

/** The part of the status of standby that is shown. */
export interface StandbyReport extends SeenNow {
  readonly eligible: boolean;
  readonly connections: readonly {
    readonly protocol: string;
    readonly client: string;
    readonly client_port: number;
    readonly port: number;
    readonly state: string;
  }[];
  readonly observer: { readonly state: string; readonly error: string | null } | null;
}

export interface Looked {
  /** As GET shows it now; null while nothing is known, and for one that is gone. */
  readonly view: Signal<PresentView | null>;
  /** When the daemon said so, by its clock. */
  readonly viewedAt: Signal<number>;
  /** Who is connected; null while it is not watched. */
  readonly standby: Signal<StandbyReport | null>;
  readonly problem: Signal<string | null>;
  readonly window: Signal<RecordWindow>;
  /** The record of the moment that is shown. */
  readonly shown: ReadonlySignal<ShownRecord | null>;
  readonly before: ReadonlySignal<ShownRecord | null>;
  /** The version that was asked for, when it lies past either end of what the log has. */
  readonly missing: ReadonlySignal<number | null>;
  readonly isLive: ReadonlySignal<boolean>;
  /** Shows the record of that version; past either end, the one at the end. */
  select(version: number): void;
  step(by: number): void;
  live(): void;
  loadOlder(): void;
  /** Ends following. */
  close(): void;
}

interface HistoryAnswer {
  readonly records: readonly ShownRecord[];
  readonly first_version: number;
}

export function lookAt(instance: string): Looked {
  const isLive = computed(() => place.value.version === null);
  const reading = createReading(instance, isLive);
  const { view, viewedAt, standby, problem, window, fetchOlder } = reading;
  const shown = computed(() => {
    const { version } = place.value;
    return (version === null ? window.value.records.at(-1) : recordAt(window.value, version)) ?? null;
  });
  const before = computed(() =>
    shown.value === null ? null : (recordAt(window.value, shown.value.version - 1) ?? null),
  );
  const missing = computed(() => {
    const { version } = place.value;
    return version !== null && isPastTheEnds(window.value, version) ? version : null;
  });

  function take(record: InstanceRecord): void {
    const mine = window.value.records[0]?.stream ?? view.value?.id ?? instance;
    if (record.stream !== mine) return;
    window.value = withNewest(window.value, record);
    reading.refresh();
  }

  function select(version: number): void {
    const { firstVersion, headVersion } = window.value;
    goTo({ instance, version: Math.min(Math.max(version, firstVersion), Math.max(headVersion, firstVersion)) });
  }

  const stopListening = listenToRecords({ record: take, begin: reading.refresh });
  reading.refresh();
  // Also when somebody writes another version into the address.
  const stopFetching = effect(() => {
    if (place.value.instance === instance) untracked(reading.fetchAround);
  });
  return {
    view,
    viewedAt,
    standby,
    problem,
    window,
    shown,
    before,
    missing,
    isLive,
    select,
    step: (by) => {
      if (isLive.value && by > 0) return;
      select((place.value.version ?? window.value.headVersion) + by);
    },
    live: () => {
      goTo({ instance, version: null });
      reading.refresh();
    },
    loadOlder: fetchOlder,
    close: () => {
      stopListening();
      stopFetching();
      reading.close();
    },
  };
}

interface Reading extends Pick<Looked, 'view' | 'viewedAt' | 'standby' | 'problem' | 'window'> {
  /** The present: the view, and the newest records where they are shown or adjoin what is held. */
  refresh(): void;
  /** The records around the moment that is chosen. */
  fetchAround(): void;
  fetchOlder(): void;
  close(): void;
}

/** What is fetched of one instance. A failure is told and changes nothing that is held. */
function createReading(instance: string, isLive: ReadonlySignal<boolean>): Reading {
  const view = signal<PresentView | null>(null);
  const viewedAt = signal(0);
  const standby = signal<StandbyReport | null>(null);
  const problem = signal<string | null>(null);
  const window = signal<RecordWindow>(EMPTY_WINDOW);
  /** Once known its id, under which its history is told also when it is gone and another has its name. */
  let address = instance;
  const path = (): string => `/v1/instances/${encodeURIComponent(address)}`;
  let isClosed = false;

  async function lookAgain(): Promise<void> {
    while (!isClosed) {
      await sleep(LOOK_EVERY_MS);
      const isWatched = view.value?.probes !== undefined || standby.value?.eligible === true;
      if (isWatched && isLive.value && !document.hidden) lookOnce();
    }
  }

  async function fetchPage(from: number | null, limit = PAGE): Promise<void> {
    const start = from === null ? '' : `&from=${from}`;
    const { body } = await ask<HistoryAnswer>(`${path()}/history?order=newest&limit=${limit}${start}`);
    if (isClosed) return;
    window.value = withPage(window.value, body.records.toReversed(), body.first_version);
  }

  async function fetchView(): Promise<void> {
    const found = await orGone(ask<PresentView>(path()));
    address = found?.body.id ?? address;
    const isTracked = found?.body.auto_standby?.enabled === true;
    const report = isTracked ? await orGone(ask<StandbyReport>(`${path()}/auto-standby/status`)) : null;
    if (isClosed) return;
    viewedAt.value = now();
    [view.value, standby.value] = [found?.body ?? null, report?.body ?? null];
  }

  const telling = (act: () => Promise<void>): (() => void) =>
    oneAtATime(async () => {
      try {
        await act();
        problem.value = null;
      } catch (error) {
        if (!isClosed) problem.value = error instanceof Error ? error.message : String(error);
      }
    });

  const lookOnce = telling(fetchView);
  void lookAgain();
  return {
    view,
    viewedAt,
    standby,
    problem,
    window,
    refresh: telling(async () => {
      await fetchView();
      if (!isLive.value && !isAtHead(window.value)) return;
      await fetchPage(null, isAtHead(window.value) ? PAGE_OF_NEWS : PAGE);
    }),
    fetchAround: telling(async () => {
      const { version } = place.value;
      if (version !== null && !isHeldWithBefore(window.value, version)) await fetchPage(version + PAGE_AHEAD);
    }),
    fetchOlder: telling(async () => {
      const oldest = firstHeld(window.value);
      if (oldest !== null && oldest > window.value.firstVersion) await fetchPage(oldest - 1);
    }),
    close: () => {
      isClosed = true;
    },
  };
}

/** What is gone still has its history, under its whole id. */
async function orGone<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused && error.code === 'not_found') return null;
    throw error;
  }
}

/** Whoever asks while it is under way is served once more afterwards, however often it was asked. */
function oneAtATime(act: () => Promise<void>): () => void {
  let [isRunning, isWanted] = [false, false];
  const run = async (): Promise<void> => {
    isRunning = true;
    do {
      isWanted = false;
      await act();
    } while (isWanted);
    isRunning = false;
  };
  return () => {
    isWanted = true;
    if (!isRunning) void run();
  };
}
