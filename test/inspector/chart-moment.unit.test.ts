/** Goal: what is lit, what waits and what was taken is what the records say. Method: over whole recorded lives. */
import { describe, expect, test } from 'vitest';
import { arrowsOf, statesWithin } from '../../src/gateway/inspector/model/chart-graph.ts';
import { exitsOf, momentOf, pathsIn } from '../../src/gateway/inspector/model/chart-moment.ts';
import { chartStructure } from '../../src/projections/chart-structure.ts';
import { momentIn, recordedLives } from './recorded-life.ts';

const chart = chartStructure();
const lives = recordedLives();
const known = new Set(chart.regions.flatMap(statesWithin).map(({ path }) => path));

describe('a moment on the chart', () => {
  test('every recorded configuration is wholly lit: one leaf in each region, and what is around it', () => {
    for (const record of lives.flat()) {
      const { active, unknown } = momentOf(chart, momentIn(record), null);
      expect(unknown).toEqual([]);
      for (const region of chart.regions) {
        const leaves = statesWithin(region).filter(({ path, states }) => states.length === 0 && active.has(path));
        expect(leaves.length, region.path).toBe(1);
        const around = leaves[0]!.path.split('.');
        expect(around.every((_, depth) => active.has(around.slice(0, depth + 1).join('.')))).toBe(true);
      }
    }
  });

  test('every pending timer stands at exactly one state, and that state is active', () => {
    for (const record of lives.flat()) {
      const { active, timers } = momentOf(chart, momentIn(record), null);
      const shown = [...timers].flatMap(([path, own]) => own.map(({ name }) => ({ path, name })));
      expect(shown.map(({ name }) => name).sort()).toEqual(record.state.timers.map(({ name }) => name).sort());
      expect(shown.every(({ path }) => active.has(path))).toBe(true);
    }
  });

  test('arrows that count as taken lead from what was active to what is active, in regions that moved', () => {
    let moves = 0;
    for (const life of lives) {
      life.slice(1).forEach((record, index) => {
        const before = new Set(pathsIn(momentIn(life[index]!).value));
        const { active, taken } = momentOf(chart, momentIn(record), momentIn(life[index]!));
        for (const id of taken) {
          const [from = '', to = ''] = id.split('>');
          expect([before.has(from), active.has(to)]).toEqual([true, true]);
        }
        for (const region of chart.regions) {
          const paths = statesWithin(region).map(({ path }) => path);
          const hasMoved = paths.some((path) => before.has(path) !== active.has(path));
          const inRegion = [...taken].filter(
            (id) => id.startsWith(`${region.path}.`) || id.startsWith(`${region.path}>`),
          );
          if (!hasMoved) expect(inRegion).toEqual([]);
          else moves += 1;
        }
      });
    }
    expect(moves).toBeGreaterThan(20);
  });

  test('the event of the record chooses among arrows that fit', () => {
    const crash = lives.flat().find(({ event }) => event.type === 'vmm.exited')!;
    const life = lives.find((records) => records.includes(crash))!;
    const { taken } = momentOf(chart, momentIn(crash), momentIn(life[crash.version - 2]!));
    const arrows = chart.regions.flatMap(arrowsOf).filter(({ id }) => taken.has(id));
    const inLifecycle = arrows.filter(({ from }) => from.startsWith('lifecycle.'));
    expect(inLifecycle.length).toBe(1);
    expect(inLifecycle[0]?.causes.map(({ event }) => event)).toContain('vmm.exited');
  });

  test('a state that this chart does not have is told and not drawn', () => {
    const value = { lifecycle: { stopping: 'politely' }, restart: 'idle' };
    const { active, unknown } = momentOf(chart, { value, timers: [], event: 'stop' }, null);
    expect(unknown).toEqual(['lifecycle.stopping.politely']);
    expect([...active].filter((path) => !known.has(path))).toEqual([]);
  });

  test('what leads on from here begins with the innermost state', () => {
    const active = new Set(pathsIn({ lifecycle: { stopping: 'graceful' }, restart: 'idle' }));
    const exits = exitsOf(chart, active).filter(({ from }) => from.startsWith('lifecycle'));
    expect(exits[0]?.from).toBe('lifecycle.stopping.graceful');
    expect(exits).toContainEqual(
      expect.objectContaining({ event: 'timer.stop_deadline', to: 'lifecycle.stopping.killing' }),
    );
    expect(exits.every(({ from }) => active.has(from))).toBe(true);
  });
});
