import type { OutboxStatus } from '../../gateway/outbox/outbox.ts';
import type { MetricRegistry, Reading } from '../../projections/metrics/metric-registry.ts';

/** How far records were brought, by kind of outbox: webhooks are told together, since their names are no small fixed set. */

export interface MeasuredOutbox {
  readonly kind: 'records' | 'webhook';
  readonly lag: () => OutboxStatus['lag'];
  /** Of those that park what nobody takes: how much they have parked. */
  readonly parked?: () => number;
}

const MS_PER_SECOND = 1_000;

export function registerOutboxMetrics(registry: MetricRegistry, outboxes: readonly MeasuredOutbox[]): void {
  const gauge = (name: string, help: string, read: () => readonly Reading[]): void =>
    registry.gauge({ name: `statevisor_outbox_${name}`, help, labels: ['kind'] }, read);
  gauge('lag_records', 'Records that are not there yet, at most; of the outbox that lacks most.', () =>
    byKind(outboxes, ({ lag }) => lag().records, Math.max),
  );
  gauge('lag_seconds', 'How old the oldest record is that is not there yet.', () =>
    byKind(outboxes, ({ lag }) => lag().age_ms / MS_PER_SECOND, Math.max),
  );
  gauge('parked', 'Notices that nobody took and that were given up.', () =>
    byKind(
      outboxes,
      ({ parked }) => parked?.() ?? null,
      (one, other) => one + other,
    ),
  );
}

/** What is known of a kind; one of which nothing is known is left out. */
function byKind(
  outboxes: readonly MeasuredOutbox[],
  read: (outbox: MeasuredOutbox) => number | null,
  join: (one: number, other: number) => number,
): Reading[] {
  const found = new Map<string, number>();
  for (const outbox of outboxes) {
    const value = read(outbox);
    const before = found.get(outbox.kind);
    if (value !== null) found.set(outbox.kind, before === undefined ? value : join(before, value));
  }
  return [...found].map(([kind, value]) => ({ labels: { kind }, value }));
}
