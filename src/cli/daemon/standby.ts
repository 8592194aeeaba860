import type { Logger } from 'pino';
import type { ActivitySource, ObserverStatus } from '../../actors/contracts/activity.ts';
import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';
import type { Network } from '../../actors/contracts/network.ts';
import type { Supervisor, SupervisorOptions } from '../../actors/supervisor.ts';
import { onlyWhileTracked } from '../../actors/tracking/kept-tracking.ts';
import { createConntrack } from '../../adapters/conntrack/conntrack.ts';
import type { HostSections } from '../../gateway/host-sections.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import type { MetricRegistry } from '../../projections/metrics/metric-registry.ts';
import { collectorProgram } from '../conntrack-collector.ts';
import type { Closers } from './closers.ts';
import { registerObserver, registerStandbySlots } from './standby-metrics.ts';

/** Who talks to guests, when the daemon can know: from the kernel for bridged ones, from their world for simulated ones. */

/** `auto`: the best way that works. `tool`: the program `conntrack`. `off`: nobody looks, and no guest sleeps by itself. */
export const CONNTRACK_MODES = ['auto', 'netlink', 'tool', 'procfs', 'off'] as const;
export type ConntrackMode = (typeof CONNTRACK_MODES)[number];

export interface StandbyOptions {
  readonly conntrack?: ConntrackMode;
  /** Guests that may be put away or saved at once. */
  readonly standby_at_once?: number;
}

interface Given {
  readonly clock: Clock;
  readonly closers: Closers;
  /** Absent without a bridge: guests share the addresses of this host then. */
  readonly network?: Network | undefined;
  /** Of simulated guests. */
  readonly simulated?: ActivitySource | undefined;
}

const MODES = { netlink: 'netlink', tool: 'conntrack', procfs: 'procfs' } as const;

/** What the runtime is given for standby. */
export function openStandby(
  { conntrack = 'auto', standby_at_once }: StandbyOptions,
  given: Given,
): Pick<SupervisorOptions, 'activity' | 'standbyAtOnce'> {
  const activity = conntrack === 'off' ? undefined : openActivity(conntrack, given);
  if (activity !== undefined) given.closers.add(() => activity.close(), 'source of traffic');
  return { ...(activity && { activity }), standbyAtOnce: standby_at_once };
}

function openActivity(
  mode: Exclude<ConntrackMode, 'off'>,
  { clock, network, simulated }: Given,
): ActivitySource | undefined {
  if (simulated !== undefined || network === undefined) return simulated;
  const modes = mode === 'auto' ? {} : { modes: [MODES[mode]] };
  const source = createConntrack({ clock, program: collectorProgram, ...modes });
  return onlyWhileTracked(source, network, clock);
}

interface Shown {
  readonly clock: Clock;
  readonly closers: Closers;
  readonly logger: Logger;
  readonly sections: HostSections;
  readonly metrics: MetricRegistry;
}

/** How often it is looked whether the source has changed, for the log of the daemon and the durations of dumps. */
const LOOK_MS = 1_000;
/** So long a source may take to read what there is, before it is told in the log that it has not. */
const OPENING_MAX_MS = 10_000;

/** Shows the source as the section `observer`, as metrics, and as lines in the log when it is lost or back. */
export function showStandby(
  { activity }: Pick<SupervisorOptions, 'activity'>,
  supervisor: Pick<Supervisor, 'capacity'>,
  { clock, closers, logger, sections, metrics }: Shown,
): void {
  registerStandbySlots(metrics, supervisor);
  if (activity === undefined) {
    sections.add('observer', () => ({ state: 'unsupported' }));
    return;
  }
  const noteDump = registerObserver(metrics, activity);
  let shown: ObserverStatus['state'] | null = null;
  let since = clock.now();
  let opening = true;
  sections.add('observer', () => statusView(activity.status(), since));
  let cancel: CancelTimer = () => {};
  const look = (): void => {
    noteDump();
    const { state, mode, error, dumps } = activity.status();
    // Nothing is amiss with one that is still reading for the first time.
    opening = opening && state === 'lost' && dumps === 0 && clock.now() - since < OPENING_MAX_MS;
    if (state !== shown && !opening) {
      since = clock.now();
      sayState(logger, { state, mode, error });
    }
    if (!opening) shown = state;
    cancel = clock.after(LOOK_MS, look);
  };
  // Not at once: a source that has only been opened has read nothing yet.
  cancel = clock.after(LOOK_MS, look);
  closers.add(async () => cancel(), 'look at the source of traffic');
}

function sayState(logger: Logger, { state, mode, error }: Pick<ObserverStatus, 'state' | 'mode' | 'error'>): void {
  if (state === 'in_order') logger.info({ mode }, 'Connections to guests are known.');
  else logger.warn({ mode, state, error }, 'Connections to guests are not known: no guest is put away for being idle.');
}

/** `since`: when its state was found to be what it is, within a second. */
function statusView({ last_dump_at, ...status }: ObserverStatus, since: number): unknown {
  const lastDumpAt = last_dump_at === null ? null : toRfc3339(last_dump_at);
  return { ...status, since: toRfc3339(since), last_dump_at: lastDumpAt };
}
