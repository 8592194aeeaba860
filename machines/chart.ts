import { noteMode } from './actions.ts';
import { INITIAL_CONTEXT } from './context.ts';
import { modeDiffers } from './guards.ts';
import { expiry } from './regions/expiry.ts';
import { health } from './regions/health.ts';
import { standby as asleep } from './regions/lifecycle/asleep.ts';
import { pausing, sealing, snapshotting } from './regions/lifecycle/falling-asleep.ts';
import { lost } from './regions/lifecycle/lost.ts';
import { chartActionsOfQuarantine, quarantined } from './regions/lifecycle/quarantine.ts';
import { quiescing } from './regions/lifecycle/quiescing.ts';
import { absent, deleted, deleting, failed, preparing, stopped } from './regions/lifecycle/rest.ts';
import { restoring, resuming } from './regions/lifecycle/restoring.ts';
import { booting, running } from './regions/lifecycle/running.ts';
import { capturing, forking, reverting } from './regions/lifecycle/snapshots.ts';
import { stopping } from './regions/lifecycle/stopping.ts';
import { restart } from './regions/restart.ts';
import { standby } from './regions/standby.ts';
import { skipped } from './schedule-actions.ts';
import { chart } from './setup.ts';

/** Bumped with every change of the chart's states, timers or context; a head of an older version is migrated. */
export const CHART_VERSION = 5;

/** Raised events one external event may set off before it is taken for a loop. */
export const MAX_ITERATIONS = 100;

/**
 * The chart: every rule about restart, health, standby and expiry of one instance. No `on` at the parallel root: it
 * would leave and re-enter every region.
 */
export const instanceChart = chart.createMachine({
  id: 'instance',
  type: 'parallel',
  context: () => INITIAL_CONTEXT,
  options: { maxIterations: MAX_ITERATIONS },
  states: {
    lifecycle: {
      initial: 'absent',
      on: {
        'instance.quarantined': { target: '#quarantined', actions: chartActionsOfQuarantine },
        'host.mode_changed': { guard: modeDiffers, actions: noteMode },
        'schedule.due': skipped('standby', 'wake', 'snapshot'),
      },
      states: {
        absent,
        preparing,
        forking,
        stopped,
        booting,
        running,
        quiescing,
        pausing,
        snapshotting,
        sealing,
        capturing,
        resuming,
        restoring,
        reverting,
        standby: asleep,
        stopping,
        failed,
        lost,
        quarantined,
        deleting,
        deleted,
      },
    },
    restart,
    health,
    standby,
    expiry,
  },
});
