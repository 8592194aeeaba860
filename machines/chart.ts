import { noteMode } from './actions.ts';
import { INITIAL_CONTEXT } from './context.ts';
import { modeDiffers } from './guards.ts';
import { expiry } from './regions/expiry.ts';
import { health } from './regions/health.ts';
import { chartActionsOfQuarantine, quarantined } from './regions/lifecycle/quarantine.ts';
import { quiescing } from './regions/lifecycle/quiescing.ts';
import { absent, deleted, deleting, failed, preparing, stopped } from './regions/lifecycle/rest.ts';
import { booting, lost, running } from './regions/lifecycle/running.ts';
import { standby as asleep, pausing, restoring, resuming, snapshotting } from './regions/lifecycle/standby.ts';
import { stopping } from './regions/lifecycle/stopping.ts';
import { restart } from './regions/restart.ts';
import { standby } from './regions/standby.ts';
import { chart } from './setup.ts';

/** Bumped with every change of the chart's states, timers or context; a head of an older version is migrated. */
export const CHART_VERSION = 3;

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
      },
      states: {
        absent,
        preparing,
        stopped,
        booting,
        running,
        quiescing,
        pausing,
        snapshotting,
        resuming,
        restoring,
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
