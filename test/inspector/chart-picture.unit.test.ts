/**
 * Goal: the picture of the chart shows every state where it belongs, and only arrows that are there. Method: the real chart
 * laid out by the real library, and checked by its geometry; a small chart for the rules about arrows.
 */
import ElkConstructor, { type ElkNode } from 'elkjs/lib/elk.bundled.js';
import { beforeAll, describe, expect, test } from 'vitest';
import { ARROWS_ALWAYS_MAX, arrowsOf, graphOf, statesWithin } from '../../src/gateway/inspector/model/chart-graph.ts';
import {
  type Box,
  type ChartPicture,
  type LaidOutGraph,
  pictureOf,
} from '../../src/gateway/inspector/model/chart-picture.ts';
import { type ChartState, chartStructure } from '../../src/projections/chart-structure.ts';

const chart = chartStructure();
let picture: ChartPicture;

async function draw(): Promise<ChartPicture> {
  const elk = new ElkConstructor.default();
  const graphs = chart.regions.map((region) => graphOf(region, arrowsOf(region)) as ElkNode);
  return pictureOf(chart, (await Promise.all(graphs.map((graph) => elk.layout(graph)))) as LaidOutGraph[]);
}

beforeAll(async () => {
  picture = await draw();
});

const overlap = (a: Box, b: Box): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
const contains = (outer: Box, inner: Box): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;
const isWithin = (inner: string, outer: string): boolean => inner.startsWith(`${outer}.`);

describe('the picture of the chart', () => {
  test('has one box for each state, inside that of the state around it', () => {
    const paths = chart.regions.flatMap(statesWithin).map(({ path }) => path);
    expect(picture.boxes.map(({ state }) => state.path).sort()).toEqual([...paths].sort());
    for (const inner of picture.boxes) {
      for (const outer of picture.boxes) {
        if (isWithin(inner.state.path, outer.state.path)) expect(contains(outer, inner), inner.state.path).toBe(true);
      }
    }
  });

  test('boxes that are not inside each other do not overlap, regions neither', () => {
    for (const a of picture.boxes) {
      for (const b of picture.boxes) {
        const related = a === b || isWithin(a.state.path, b.state.path) || isWithin(b.state.path, a.state.path);
        if (!related) expect(overlap(a, b), `${a.state.path} and ${b.state.path}`).toBe(false);
      }
    }
  });

  test('everything lies within its width and height', () => {
    for (const { x, y, width, height } of picture.boxes) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
      expect(x + width).toBeLessThanOrEqual(picture.width);
      expect(y + height).toBeLessThanOrEqual(picture.height);
    }
  });

  test('every arrow leads from the border of one box to the border of the other', () => {
    const boxes = new Map(picture.boxes.map((box) => [box.state.path, box]));
    for (const { path, from, to, id } of picture.arrows) {
      const numbers = [...path.matchAll(/-?\d+(\.\d+)?/g)].map(([text]) => Number(text));
      const start = { x: numbers[0]!, y: numbers[1]! };
      const end = { x: numbers.at(-2)!, y: numbers.at(-1)! };
      expect(offBorder(boxes.get(from)!, start), `${id} begins`).toBeLessThan(1);
      expect(offBorder(boxes.get(to)!, end), `${id} ends`).toBeLessThan(1);
    }
  });

  test('is the same each time it is drawn', async () => {
    expect(await draw()).toEqual(picture);
  });
});

/** How far a point is from the nearest side of a box. */
function offBorder({ x, y, width, height }: Box, point: { x: number; y: number }): number {
  const [dx, dy] = [Math.abs(point.x - x - width / 2) - width / 2, Math.abs(point.y - y - height / 2) - height / 2];
  return dx <= 0 && dy <= 0 ? Math.min(-dx, -dy) : Math.hypot(Math.max(dx, 0), Math.max(dy, 0));
}

const leaf = (path: string, ...transitions: [event: string, target: string, guard?: string][]): ChartState => ({
  name: path.split('.').at(-1)!,
  path,
  initial: null,
  tags: [],
  timers: [],
  states: [],
  transitions: transitions.map(([event, target, guard]) => {
    return { event, target, guarded: guard !== undefined, guard: guard ?? null };
  }),
});
const region = (...states: ChartState[]): ChartState => ({ ...leaf('r'), initial: 'a', states });

describe('arrows', () => {
  test('one stands for everything that leads from one state to another', () => {
    const arrows = arrowsOf(
      region(leaf('r.a', ['go', 'r.b', 'isReady'], ['go', 'r.b', 'isLate'], ['jump', 'r.b']), leaf('r.b')),
    );
    expect(arrows).toMatchObject([
      {
        from: 'r.a',
        to: 'r.b',
        causes: [
          { event: 'go', guards: ['isReady', 'isLate'] },
          { event: 'jump', guards: [] },
        ],
      },
    ]);
  });

  test('what stays in its state has none', () => {
    expect(arrowsOf(region(leaf('r.a', ['again', 'r.a'])))).toEqual([]);
  });

  test('what many states have in common is not drawn always, as long as no state stands alone', () => {
    const many = Array.from({ length: ARROWS_ALWAYS_MAX + 1 }, (_, index) =>
      leaf(`r.s${index}`, ['crash', 'r.dead'], ['next', `r.s${index + 1}`]),
    );
    const last = leaf(`r.s${many.length}`, ['crash', 'r.dead']);
    const arrows = arrowsOf(region(...many, last, leaf('r.dead')));
    const common = arrows.filter(({ to }) => to === 'r.dead');
    expect(common.length).toBe(many.length + 1);
    expect(common.filter(({ always }) => always).map(({ from }) => from)).toEqual([last.path]);
    expect(arrows.filter(({ to, always }) => to !== 'r.dead' && !always)).toEqual([]);
  });

  test('a small region is drawn whole', () => {
    for (const small of chart.regions) {
      const arrows = arrowsOf(small).filter(({ from }) => from !== small.path);
      if (arrows.length <= ARROWS_ALWAYS_MAX)
        expect(
          arrows.every(({ always }) => always),
          small.path,
        ).toBe(true);
    }
  });

  test('every state of the chart that something leads to or from has an arrow in the picture', () => {
    for (const each of chart.regions) {
      const arrows = arrowsOf(each).filter(({ from }) => from !== each.path);
      const drawn = arrows.filter(({ always }) => always);
      for (const end of ['from', 'to'] as const) {
        expect(new Set(drawn.map((arrow) => arrow[end]))).toEqual(new Set(arrows.map((arrow) => arrow[end])));
      }
    }
  });
});
