import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/**
 * The daemon's metrics, in Prometheus' text format. Any part adds its own; what is read when somebody looks costs nothing
 * until then. Labels hold words of a small fixed set, never an instance.
 */

/** One value of a metric that has labels. */
export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricName {
  /** `statevisor_...`, with the unit last: `_seconds`, `_bytes`; of counters `_total`. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  readonly labels?: readonly string[];
}

/** Called at every look; null: not known now, and the metric is left out of this look. */
export type ReadMetric = () => number | null | readonly Reading[] | Promise<number | null | readonly Reading[]>;

export interface MetricRegistry {
  gauge(about: MetricName, read: ReadMetric): void;
  /** A count that is kept elsewhere and never shrinks while the process lives. */
  counter(about: MetricName, read: ReadMetric): void;
  /** Answers what adds one to a count that is kept here. */
  count(about: MetricName): (labels: Readonly<Record<string, string>>) => void;
  /** Answers what adds one observation. `buckets`: upper bounds, ascending. */
  histogram(
    about: MetricName & { readonly buckets: readonly number[] },
  ): (value: number, labels?: Readonly<Record<string, string>>) => void;
  /** Everything, read now. A metric that cannot be read is left out and reported. */
  text(): Promise<string>;
  readonly contentType: string;
}

export type ReportMetric = (name: string, error: unknown) => void;

export function createMetricRegistry(report: ReportMetric): MetricRegistry {
  const registry = new Registry();
  const registers = [registry];
  const settingsOf = ({ name, help, labels = [] }: MetricName) => ({ name, help, labelNames: [...labels], registers });
  /** What is read at a look replaces what the look before left. */
  const collecting = (name: string, read: ReadMetric) =>
    async function (this: Kept): Promise<void> {
      this.reset();
      try {
        show(this, await read());
      } catch (error) {
        show(this, null);
        report(name, error);
      }
    };
  return {
    gauge: (about, read) => void new Gauge({ ...settingsOf(about), collect: collecting(about.name, read) }),
    counter: (about, read) => void new Counter({ ...settingsOf(about), collect: collecting(about.name, read) }),
    count: (about) => {
      const counter = new Counter(settingsOf(about));
      return (labels) => counter.inc(labels);
    },
    histogram: ({ buckets, ...about }) => {
      const histogram = new Histogram({ ...settingsOf(about), buckets: [...buckets] });
      return (value, labels = {}) => histogram.observe(labels, value);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

interface Kept {
  reset(): void;
  inc(labels: Readonly<Record<string, string>>, value: number): void;
  remove(labels: Readonly<Record<string, string>>): void;
}

function show(metric: Kept, read: number | null | readonly Reading[]): void {
  if (read === null) metric.remove({});
  else if (typeof read === 'number') metric.inc({}, read);
  else for (const { labels, value } of read) metric.inc(labels, value);
}
