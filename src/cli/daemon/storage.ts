import type { Logger } from 'pino';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import { LogStorage } from '../../actors/log-storage.ts';
import { Retention, type RetentionOutcome } from '../../actors/retention.ts';
import { everyMatchingMinute } from '../../actors/schedule.ts';
import type { HostSections } from '../../gateway/host-sections.ts';
import type { MetricRegistry } from '../../projections/metrics/metric-registry.ts';
import type { Closers } from './closers.ts';
import { registerStorageMetrics } from './storage-metrics.ts';

/** When old records are removed: at night where most hosts are, and beside everybody else's full hour. UTC. */
export const RETENTION_SCHEDULE = '17 3 * * *';
/** A daemon that is never up at that minute does it so long after its start. */
export const RETENTION_AFTER_START_MS = 3_600_000;

export interface StorageParts {
  readonly clock: Clock;
  readonly closers: Closers;
  readonly logger: Logger;
  readonly sections: HostSections;
  readonly metrics: MetricRegistry;
}

interface RetentionState {
  last: { readonly at: number; readonly outcome: RetentionOutcome['kind'] | 'failed'; readonly removed: number } | null;
}

/** Watches over the room the log takes: what is old is removed, growth is measured, a disk that fills up is told of. */
export function keepStorage(log: Log, keepMs: number | null, parts: StorageParts): void {
  const { clock, closers, logger, sections, metrics } = parts;
  const storage = new LogStorage({
    log,
    clock,
    onLevel: (level, free_bytes) => {
      const about = { level, free_bytes };
      if (level === 'enough') logger.info(about, 'The disk that holds the log has enough room again.');
      else logger.warn(about, 'The disk that holds the log is filling up.');
    },
    report: (message, error) => logger.error({ err: error }, message),
  });
  void storage.start();
  closers.add(async () => storage.close(), 'watch over the log');
  const retention: RetentionState = { last: null };
  if (keepMs !== null) removeOldRecords(log, keepMs, retention, parts);
  sections.add('log_storage', () => ({
    ...storage.view(),
    retention: { keep_ms: keepMs, last: retention.last },
  }));
  registerStorageMetrics(metrics, storage);
}

function removeOldRecords(log: Log, keepMs: number, state: RetentionState, parts: StorageParts): void {
  const { clock, closers, logger } = parts;
  const retention = new Retention({ log, clock, keepMs });
  const ending = new AbortController();
  let underWay: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    try {
      const outcome = await retention.run(ending.signal);
      note(outcome.kind, outcome.kind === 'done' ? outcome.removed : 0);
      tell(logger, outcome);
    } catch (error) {
      note('failed', 0);
      logger.error({ err: error }, 'Old records could not be removed; it is tried again the next day.');
    }
  };
  const note = (outcome: RetentionOutcome['kind'] | 'failed', removed: number): void => {
    state.last = { at: clock.now(), outcome, removed };
  };
  const begin = (): void => {
    underWay ??= run().finally(() => {
      underWay = null;
    });
  };
  const cancels = [clock.after(RETENTION_AFTER_START_MS, begin), everyMatchingMinute(RETENTION_SCHEDULE, clock, begin)];
  closers.add(async () => {
    for (const cancel of cancels) cancel();
    ending.abort();
    await underWay;
  }, 'retention');
}

function tell(logger: Logger, outcome: RetentionOutcome): void {
  if (outcome.kind === 'clock_stepped') {
    logger.warn({ by_ms: outcome.byMs }, 'Old records were not removed: the wall clock was set since the last time.');
  } else if (outcome.kind === 'done' && outcome.removed > 0) {
    logger.info({ removed: outcome.removed, streams: outcome.streams }, 'Old records were removed.');
  }
}
