import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import type { HostSections } from '../../gateway/host-sections.ts';
import { createRecordsDestination } from '../../gateway/nats/records-destination.ts';
import { recordsStreamName } from '../../gateway/nats/records-stream.ts';
import { createOutbox } from '../../gateway/outbox/outbox.ts';
import type { Webhook } from '../../gateway/webhooks/options.ts';
import type { MetricRegistry } from '../../projections/metrics/metric-registry.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { Closers } from './closers.ts';
import { keptCursor } from './kept-cursor.ts';
import { type MeasuredOutbox, registerOutboxMetrics } from './outbox-metrics.ts';
import type { ServedNats } from './serve-nats.ts';
import { openWebhooks } from './webhooks.ts';

/** What carries records out of the daemon: each destination with a cursor of its own, shown as sections of the host. */

export interface OutboxParts {
  readonly log: Log;
  /** Of whose records this directory keeps how far they were brought. */
  readonly logName: string;
  readonly nats: ServedNats;
  readonly webhooks?: readonly Webhook[];
  readonly nameOf: (instance: string) => string | null;
  readonly host: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: DataDirectory;
  readonly closers: Closers;
  readonly sections: HostSections;
  readonly metrics: MetricRegistry;
  /** To whoever reads the log of the daemon. */
  readonly tell: (line: string) => void;
}

export function openOutboxes(parts: OutboxParts): void {
  registerOutboxMetrics(parts.metrics, [...openRecordsOutbox(parts), ...openWebhooks(parts)]);
}

function openRecordsOutbox(parts: OutboxParts): MeasuredOutbox[] {
  const { log, logName, nats, host, clock, random, closers, sections, tell } = parts;
  if (nats.mode === 'off') {
    sections.add('outbox', () => ({ mode: 'off' }));
    return [];
  }
  const destination = createRecordsDestination({ connection: nats.connection, host, logName, clock, random });
  const outbox = createOutbox({
    log,
    destination,
    store: keptCursor(log, parts, 'records'),
    clock,
    tell,
    name: 'Outbox',
    begin: 'with_the_first_record',
  });
  closers.add(() => outbox.close(), 'outbox');
  // Null until the server was reached: only it knows whether it has JetStream.
  sections.add('outbox', () => ({
    mode: destination.mode(),
    stream: destination.mode() === 'jetstream' ? recordsStreamName(host) : null,
    ...outbox.status(),
  }));
  return [{ kind: 'records', lag: () => outbox.status().lag }];
}
