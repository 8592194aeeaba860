/** Goal: whoever asks for the chart is told all of it. Method: compared with the machine, node by node. */
import { describe, expect, test } from 'vitest';
import { CHART_VERSION, instanceChart } from '../../machines/chart.ts';
import { REMOVE_RETRY_MS } from '../../machines/setup.ts';
import { TIMER_NAMES } from '../../machines/step.ts';
import { statesWithin } from '../../src/gateway/inspector/model/chart-graph.ts';
import { chartStructure } from '../../src/projections/chart-structure.ts';
import { nodesUnder, ROOT } from '../machines/chart-walk.ts';

const chart = chartStructure();
const states = chart.regions.flatMap(statesWithin);
const byPath = new Map(states.map((state) => [state.path, state]));

describe('the structure of the chart', () => {
  test('has every state once, under its path, and the version of the chart', () => {
    const nodes = nodesUnder(ROOT).slice(1);
    expect(chart.version).toBe(CHART_VERSION);
    expect(states.map(({ path }) => path)).toEqual(nodes.map((node) => node.path.join('.')));
    expect(chart.regions.map(({ name }) => name)).toEqual(Object.keys(instanceChart.states));
  });

  test('has as many transitions as the machine, each to a state that is there', () => {
    for (const node of nodesUnder(ROOT).slice(1)) {
      const told = byPath.get(node.path.join('.'));
      expect(told?.transitions.length).toBe([...node.transitions.values()].flat().length);
      for (const { target } of told?.transitions ?? [])
        if (target !== null) expect([...byPath.keys()]).toContain(target);
    }
  });

  test('names each timer of the chart at the one state that runs it, with its length where that is fixed', () => {
    const timers = states.flatMap((state) => state.timers);
    expect(timers.map(({ name }) => name).sort()).toEqual([...TIMER_NAMES].sort());
    expect(timers.find(({ name }) => name === 'timer.remove_retry')?.after_ms).toBe(REMOVE_RETRY_MS);
    expect(timers.find(({ name }) => name === 'timer.backoff')?.after_ms).toBeNull();
  });

  test('tells what a timer leads to under the name it is recorded with', () => {
    const events = states.flatMap(({ transitions }) => transitions.map(({ event }) => event));
    expect(events.filter((event) => event.startsWith('xstate.'))).toEqual([]);
    for (const name of TIMER_NAMES) expect(events).toContain(name);
  });

  test('names guards that have a name, and says of the others that there is one', () => {
    const { transitions } = byPath.get('lifecycle.stopped')!;
    expect(transitions).toContainEqual({
      event: 'update',
      target: null,
      guarded: true,
      guard: 'editsAllowed',
    });
    const unnamed = states
      .flatMap((state) => state.transitions)
      .filter(({ guarded, guard }) => guarded && guard === null);
    expect(unnamed.length).toBeGreaterThan(0);
  });

  test('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(chart))).toEqual(chart);
  });
});
