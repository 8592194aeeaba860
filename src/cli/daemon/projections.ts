import type { Clock } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import type { Telemetry } from '../../actors/contracts/telemetry.ts';
import type { Supervisor, SupervisorOptions } from '../../actors/supervisor.ts';
import type { HostSections } from '../../gateway/host-sections.ts';
import { PROJECTIONS } from '../../projections/all-projections.ts';
import { createProjections, type Projections } from '../../projections/engine/projections.ts';
import { registerInstanceMetrics } from '../../projections/metrics/instance-metrics.ts';
import { createMetricRegistry, type MetricRegistry } from '../../projections/metrics/metric-registry.ts';
import { registerProjectionMetrics } from '../../projections/metrics/projection-metrics.ts';
import { runtimeTelemetry } from '../../projections/metrics/runtime-metrics.ts';
import { sleepMetrics } from '../../projections/metrics/sleep-metrics.ts';
import { registerWakefulnessMetrics } from '../../projections/metrics/wakefulness-metrics.ts';

import type { Closers } from './closers.ts';
import { registerProcessMetrics, registerSupervisorMetrics } from './process-metrics.ts';
import { registerRestartBudget } from './restart-budget-metrics.ts';

/** The daemon's read models and its metrics. */

export interface ReadModels {
  readonly projections: Projections<typeof PROJECTIONS>;
  readonly metrics: MetricRegistry;
  readonly telemetry: Telemetry;
  /** Takes in every record. */
  readonly take: NonNullable<SupervisorOptions['onRecord']>;
  /** Called once the heads are there. */
  started(supervisor: Supervisor): void;
}

export interface ReadModelOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly sections: HostSections;
  readonly closers: Closers;
  readonly report: NonNullable<SupervisorOptions['report']>;
}

export async function openReadModels(options: ReadModelOptions): Promise<ReadModels> {
  const { log, clock, sections, closers, report } = options;
  const projections = await createProjections(PROJECTIONS, { log, clock, report });
  closers.add(() => projections.close());
  sections.add('projections', () => projections.status());
  const metrics = createMetricRegistry((name, error) =>
    report({ instance: null, message: `The metric ${name} could not be read.`, error }),
  );
  const telemetry = runtimeTelemetry(metrics);
  const noteSleep = sleepMetrics(metrics);
  registerInstanceMetrics(metrics, projections.views.instances, projections.views.totals);
  registerWakefulnessMetrics(metrics, projections.views.wakefulness, () => clock.now());
  registerProjectionMetrics(metrics, () => projections.status());
  const stopLooking = registerProcessMetrics(metrics);
  closers.add(async () => stopLooking());
  return {
    projections,
    metrics,
    telemetry,
    take: (published) => {
      projections.take(published);
      noteSleep(published);
    },
    started: (supervisor) => {
      registerSupervisorMetrics(metrics, () => supervisor.status());
      registerRestartBudget(metrics, supervisor);
      sections.add('probes', () => supervisor.status().probing);
      projections.start();
    },
  };
}
