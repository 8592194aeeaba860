import { CHART_VERSION } from '../../machines/chart.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import type { Moment, StateValue } from '../../src/gateway/inspector/model/chart-moment.ts';
import { recordedHistories } from '../histories/recorded.ts';

/** Whole lives of instances as this chart has recorded them, for the tests of what is drawn of them. */
export function recordedLives(): (readonly InstanceRecord[])[] {
  return recordedHistories(CHART_VERSION).map(({ records }) => records);
}

export function momentIn({ state, event }: InstanceRecord): Moment {
  return { value: state.value as StateValue, timers: state.timers, event: event.type };
}
