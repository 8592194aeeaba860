import { isAwake, type Wakefulness } from '../../../machines/wakefulness.ts';
import type { WakefulnessAccount } from '../wakefulness.ts';
import type { MetricRegistry, Reading } from './metric-registry.ts';

const LABELS = ['state', 'cause'];

/** Who is awake, and why; left out until the history has been read. `now`: epoch ms. */
export function registerWakefulnessMetrics(
  registry: MetricRegistry,
  account: WakefulnessAccount,
  now: () => number,
): void {
  registry.gauge(
    {
      name: 'statevisor_instances_by_wakefulness',
      help: 'Instances, by whether they are awake and what keeps them so.',
      labels: LABELS,
    },
    () => readings(account.tally(now()), 1),
  );
  registry.counter(
    {
      name: 'statevisor_wakefulness_seconds_total',
      help: 'Time that all instances together were awake, by cause, asleep, or down.',
      labels: LABELS,
    },
    () => readings(account.total(now()), 1_000),
  );
}

function readings(values: ReadonlyMap<Wakefulness, number> | undefined, per: number): Reading[] {
  return [...(values ?? [])].map(([is, value]) => ({
    labels: isAwake(is) ? { state: 'awake', cause: is } : { state: is, cause: 'none' },
    value: value / per,
  }));
}
