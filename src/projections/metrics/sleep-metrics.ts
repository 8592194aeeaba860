import type { Fact } from '../../../machines/facts.ts';
import type { InstanceRecord } from '../../../machines/record.ts';
import type { MetricRegistry } from './metric-registry.ts';

/** How long guests take to fall asleep and to wake, and what comes of it: read off the records of this process. */

const MS_PER_SECOND = 1_000;
/** Memory goes to disk and comes back: a small guest takes a fraction of a second, a large one minutes. */
const BUCKETS_S = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

type Way = 'standby' | 'restore';

/** Which way a fact begins, and how one that is under way ends with it. */
const BEGINS: { readonly [F in Fact['type']]?: Way } = {
  'standby.requested': 'standby',
  'instance.restore_requested': 'restore',
};
const ENDS: { readonly [F in Fact['type']]?: { readonly [W in Way]?: string } } = {
  'standby.entered': { standby: 'done', restore: 'failed' },
  'standby.abandoned': { standby: 'abandoned' },
  'instance.restored': { restore: 'done' },
  'instance.ended': { standby: 'ended', restore: 'failed' },
  // Whatever becomes of it later does not belong to what was begun before.
  'instance.quarantined': { standby: 'abandoned', restore: 'failed' },
};

interface Taken {
  readonly record: InstanceRecord;
  /** False for heads read back at the start. */
  readonly live: boolean;
}

interface UnderWay {
  readonly way: Way;
  readonly at: number;
}

/** Answers what takes in each record, in the order of its stream. */
export function sleepMetrics(registry: MetricRegistry): (published: Taken) => void {
  const total = {
    standby: registry.count({
      name: 'statevisor_standbys_total',
      help: 'Standbys that were begun and have ended, by how.',
      labels: ['outcome'],
    }),
    restore: registry.count({
      name: 'statevisor_restores_total',
      help: 'Restores from standby that were begun and have ended, by how.',
      labels: ['outcome'],
    }),
  };
  const seconds = {
    standby: registry.histogram({
      name: 'statevisor_standby_duration_seconds',
      help: 'Time from asking for a standby until its guest slept.',
      buckets: BUCKETS_S,
    }),
    restore: registry.histogram({
      name: 'statevisor_restore_duration_seconds',
      help: 'Time from asking for a restore until its guest had answered.',
      buckets: BUCKETS_S,
    }),
  };
  const underWay = new Map<string, UnderWay>();
  return ({ record: { stream, at, facts }, live }) => {
    if (!live) return;
    // A guest that sleeps ends its run in the same record, which is no failure.
    const sleeps = facts.some(({ type }) => type === 'standby.entered');
    for (const { type } of facts) {
      const begun = underWay.get(stream);
      const way = BEGINS[type];
      if (way !== undefined && begun?.way !== way) underWay.set(stream, { way, at });
      const outcome =
        begun === undefined || (sleeps && type === 'instance.ended') ? undefined : ENDS[type]?.[begun.way];
      if (begun === undefined || outcome === undefined) continue;
      underWay.delete(stream);
      total[begun.way]({ outcome });
      if (outcome === 'done') seconds[begun.way]((at - begun.at) / MS_PER_SECOND);
    }
  };
}
