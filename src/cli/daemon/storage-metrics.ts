import type { DiskLevel, LogStorage, LogStorageView } from '../../actors/log-storage.ts';
import type { MetricRegistry } from '../../projections/metrics/metric-registry.ts';

const LEVELS: Readonly<Record<DiskLevel, number>> = { enough: 0, low: 1, very_low: 2 };
const MS_PER_SECOND = 1_000;

/** What the log takes up, as of the last look at it. */
export function registerStorageMetrics(registry: MetricRegistry, storage: LogStorage): void {
  const gauge = (name: string, help: string, read: (view: LogStorageView) => number | null): void =>
    registry.gauge({ name: `statevisor_log_${name}`, help }, () => {
      const view = storage.view();
      return view === null ? null : read(view);
    });
  gauge('entries', 'Entries of the log.', ({ entries }) => entries);
  gauge('bytes', 'Room that the log takes up.', ({ bytes }) => bytes);
  gauge('reusable_bytes', 'Of it, what removed entries left free for new ones.', (view) => view.reusable_bytes);
  gauge('growth_bytes_per_day', 'What is appended in a day, estimated.', (view) => view.bytes_per_day);
  gauge('oldest_timestamp_seconds', 'When the oldest entry was made.', ({ oldest_at }) =>
    oldest_at === null ? null : oldest_at / MS_PER_SECOND,
  );
  gauge('disk_free_bytes', 'What is free on the disk of the log.', ({ disk }) => disk?.free_bytes ?? null);
  gauge('disk_level', '0: enough is free; 1: little; 2: very little.', ({ disk }) =>
    disk === null ? null : LEVELS[disk.level],
  );
}
