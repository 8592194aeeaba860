import { transition } from 'xstate';
import { instanceChart } from '../../machines/chart.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { EMPTY_SNAPSHOT, type Step, step, stepByXState } from '../../machines/step.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { type BenchOptions, elapsedMs, median, type Row, shown } from '../measure.ts';
import { createFleet } from '../workload.ts';

/** Plans are worth their keep when they are at least so many times faster than the plain public call. */
const AIM = 10;
const ROUNDS = 7;

type Way = 'planned' | 'reused scope' | 'public transition()';

/** A life of starts and stops, as one instance records it. */
async function lifeOf(transitions: number): Promise<InstanceRecord[]> {
  const log = createMemoryLog();
  const fleet = await createFleet(log, 1);
  await fleet.transitions(transitions);
  await fleet.rest();
  const records: InstanceRecord[] = [];
  for await (const { bytes } of log.readAll(null)) records.push(parseRecord(bytes));
  await fleet.supervisor.close();
  return records;
}

function publicly(snapshot: Step['next'], event: InstanceRecord['event']): Step['next'] {
  return transition(instanceChart, snapshot, event as never)[0] as Step['next'];
}

const WAYS: Readonly<Record<Way, (snapshot: Step['next'], event: InstanceRecord['event']) => Step['next']>> = {
  planned: (snapshot, event) => step(snapshot, event).next,
  'reused scope': (snapshot, event) => stepByXState(snapshot, event).next,
  'public transition()': publicly,
};

/** Microseconds per event of the three ways to call XState, on one hot instance. */
export async function stepCost({ quick }: BenchOptions): Promise<Row[]> {
  const records = await lifeOf(quick ? 2_000 : 10_000);
  const times: Record<Way, number[]> = { planned: [], 'reused scope': [], 'public transition()': [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, next] of Object.entries(WAYS) as [Way, (typeof WAYS)[Way]][]) {
      const ms = await elapsedMs(() => {
        let snapshot = EMPTY_SNAPSHOT;
        for (const { event } of records) snapshot = next(snapshot, event);
      });
      times[way].push((ms * 1_000) / records.length);
    }
  }
  const [planned, reused, plain] = [times.planned, times['reused scope'], times['public transition()']].map(median);
  return [
    {
      name: 'one event through the chart, public transition() / step()',
      measured: `step() ${shown(planned!)} µs an event`,
      baseline: `XState with a reused scope ${shown(reused!)} µs, public transition() ${shown(plain!)} µs`,
      ratio: plain! / planned!,
      aim: { bound: 'at_least', value: AIM },
    },
  ];
}
