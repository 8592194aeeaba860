import { durationsProjection } from './durations.ts';
import { listed } from './engine/running-projection.ts';
import { instancesProjection } from './instances.ts';
import { standbyOutcomesProjection } from './standby-outcomes.ts';
import { timelineProjection } from './timeline.ts';
import { totalsProjection } from './totals.ts';
import { wakefulnessProjection } from './wakefulness.ts';

/** Every projection of the daemon: a new one is a file and a line here (docs/how-to/add-a-projection.md). */
export const PROJECTIONS = {
  instances: listed(instancesProjection),
  timeline: listed(timelineProjection),
  durations: listed(durationsProjection),
  standby_outcomes: listed(standbyOutcomesProjection),
  totals: listed(totalsProjection),
  wakefulness: listed(wakefulnessProjection),
};
