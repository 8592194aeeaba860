import type { Logger } from 'pino';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import { LogStorage } from '../../actors/log-storage.ts';
import { newestRecordAt, Retention, type RetentionOutcome } from '../../actors/retention.ts';
import { everyMatchingMinute } from '../../actors/schedules/every-matching-minute.ts';
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

interface LastRun {
  readonly at: number;
  readonly outcome: RetentionOutcome['kind'] | 'failed';
  readonly removed: number;
  /** How far the clock is off, as far as can be told, when that is why nothing was removed. */
  readonly by_ms?: number;
}

/**
 * Watches over the room the log takes: what is old is removed, growth is measured, a disk that fills up is told of.
 * Begins before anything is appended: what the log holds then tells whether the clock can be right.
 */
export async function keepStorage(log: Log, keepMs: number | null, parts: StorageParts): Promise<void> {
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
  let last: LastRun | null = null;
  const note = (run: LastRun): void => {
    last = run;
  };
  if (keepMs !== null) {
    const newestAt = await newestRecordAt(log);
    removeOldRecords(new Retention({ log, clock, keepMs, newestAt }), note, parts);
  }
  sections.add('log_storage', () => ({ ...storage.view(), retention: { keep_ms: keepMs, last } }));
  registerStorageMetrics(metrics, storage);
}

function removeOldRecords(retention: Retention, note: (run: LastRun) => void, parts: StorageParts): void {
  const { clock, closers, logger } = parts;
  const ending = new AbortController();
  let underWay: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    try {
      const outcome = await retention.run(ending.signal);
      const removed = outcome.kind === 'done' ? outcome.removed : 0;
      const off = 'byMs' in outcome ? { by_ms: outcome.byMs } : {};
      note({ at: clock.now(), outcome: outcome.kind, removed, ...off });
      tell(logger, outcome);
    } catch (error) {
      note({ at: clock.now(), outcome: 'failed', removed: 0 });
      logger.error({ err: error }, 'Old records could not be removed; it is tried again the next day.');
    }
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
    const until = 'none are until it is set back, or the daemon is started anew.';
    logger.warn({ by_ms: outcome.byMs }, `Old records were not removed, because the wall clock was set: ${until}`);
  } else if (outcome.kind === 'clock_doubtful') {
    const why = 'the newest record was so old at the start that the wall clock may be wrong.';
    logger.warn({ by_ms: outcome.byMs }, `Old records were not removed: ${why}`);
  } else if (outcome.kind === 'done' && outcome.removed > 0) {
    logger.info({ removed: outcome.removed, streams: outcome.streams }, 'Old records were removed.');
  }
}
