import type { CancelTimer, Clock } from './contracts/clock.ts';
import type { Log, LogUsage } from './contracts/log.ts';

/** How much the log takes up, how fast it grows, and whether its disk will hold it: looked at now and then, never asked. */

/** How often the log and its disk are measured. */
export const STORAGE_LOOK_MS = 60_000;
/** Growth is told once it was watched so long, over at most so many looks. */
const GROWTH_WATCHED_MIN_MS = 600_000;
const GROWTH_LOOKS_MAX = 1_440;
const DAY_MS = 86_400_000;

/** How little is left on the disk. */
export type DiskLevel = 'enough' | 'low' | 'very_low';

interface Threshold {
  readonly level: Exclude<DiskLevel, 'enough'>;
  readonly share: number;
  readonly bytes: number;
}

const GIB = 1_073_741_824;
const MIB = 1_048_576;

/**
 * A level is reached when less is free than the smaller of both: a tenth of a large disk is plenty, and a gibibyte of a
 * small one would never be free.
 */
export const DISK_THRESHOLDS: readonly Threshold[] = [
  { level: 'very_low', share: 0.03, bytes: 256 * MIB },
  { level: 'low', share: 0.1, bytes: 2 * GIB },
];

/** A level is left when so much more than its threshold is free, so that a disk at the edge is not told of every minute. */
const LEAVING_FACTOR = 1.2;

export interface LogStorageView {
  readonly entries: number;
  readonly bytes: number;
  readonly reusable_bytes: number;
  /** Estimate; null until the log was watched for ten minutes. */
  readonly bytes_per_day: number | null;
  /** When the oldest entry that is there was made (epoch ms); null while there is none. */
  readonly oldest_at: number | null;
  readonly disk: {
    readonly free_bytes: number;
    readonly total_bytes: number;
    readonly level: DiskLevel;
    /** Days until the disk is full at the present growth; null when that cannot be told. */
    readonly days_left: number | null;
  } | null;
}

export interface LogStorageOptions {
  readonly log: Log;
  readonly clock: Clock;
  /** Called once for each crossing, in either direction. */
  readonly onLevel: (level: DiskLevel, freeBytes: number) => void;
  readonly report: (message: string, error: unknown) => void;
}

/** The level, given the one that held before. */
export function diskLevel({ free_bytes, total_bytes }: NonNullable<LogUsage['disk']>, before: DiskLevel): DiskLevel {
  for (const { level, share, bytes } of DISK_THRESHOLDS) {
    const threshold = Math.min(total_bytes * share, bytes);
    const isHeld = before === level || before === 'very_low';
    if (free_bytes < threshold * (isHeld ? LEAVING_FACTOR : 1)) return level;
  }
  return 'enough';
}

export class LogStorage {
  readonly #options: LogStorageOptions;
  /** Looks of the last day, the oldest first. */
  readonly #looks: { readonly atMs: number; readonly appended: number }[] = [];
  #usage: LogUsage | null = null;
  #oldestAt: number | null = null;
  #level: DiskLevel = 'enough';
  #cancel: CancelTimer = () => undefined;
  #closed = false;
  #failed = false;

  constructor(options: LogStorageOptions) {
    this.#options = options;
  }

  /** Looks now, and from then on every minute. */
  async start(): Promise<void> {
    await this.#look();
    if (this.#closed) return;
    this.#cancel = this.#options.clock.after(STORAGE_LOOK_MS, () => void this.start());
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  /** As of the last look; null before the first. */
  view(): LogStorageView | null {
    if (this.#usage === null) return null;
    const { entries, bytes, reusable_bytes, disk } = this.#usage;
    const growth = this.#bytesPerDay();
    const daysLeft = disk === null || growth === null || growth <= 0 ? null : disk.free_bytes / growth;
    return {
      entries,
      bytes,
      reusable_bytes,
      bytes_per_day: growth,
      oldest_at: this.#oldestAt,
      disk:
        disk === null
          ? null
          : { ...disk, level: this.#level, days_left: daysLeft === null ? null : Math.floor(daysLeft) },
    };
  }

  async #look(): Promise<void> {
    const { log, clock, report } = this.#options;
    try {
      this.#usage = await log.usage();
      this.#oldestAt = await oldestIn(log);
      this.#failed = false;
    } catch (error) {
      if (!this.#failed && !this.#closed) report('The log could not be measured.', error);
      this.#failed = true;
      return;
    }
    this.#looks.push({ atMs: clock.monotonic(), appended: this.#usage.appended_bytes });
    if (this.#looks.length > GROWTH_LOOKS_MAX) this.#looks.shift();
    if (this.#usage.disk !== null) this.#noteLevel(this.#usage.disk);
  }

  #noteLevel(disk: NonNullable<LogUsage['disk']>): void {
    const level = diskLevel(disk, this.#level);
    if (level === this.#level) return;
    this.#level = level;
    this.#options.onLevel(level, disk.free_bytes);
  }

  #bytesPerDay(): number | null {
    const first = this.#looks[0];
    const last = this.#looks.at(-1);
    if (first === undefined || last === undefined) return null;
    const watchedMs = last.atMs - first.atMs;
    if (watchedMs < GROWTH_WATCHED_MIN_MS) return null;
    return Math.round(((last.appended - first.appended) / watchedMs) * DAY_MS);
  }
}

/** The first `at` in a record's text is its own. */
const TIME = /"at":(\d+)/;

async function oldestIn(log: Log): Promise<number | null> {
  for await (const { bytes } of log.readAll(null, 1)) {
    const found = TIME.exec(bytes);
    return found === null ? null : Number(found[1]);
  }
  return null;
}
