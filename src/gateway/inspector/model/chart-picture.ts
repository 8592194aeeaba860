import type { ChartState, ChartStructure } from '../../../projections/chart-structure.ts';
import { type Arrow, arrowsOf, statesWithin } from './chart-graph.ts';

/** Where everything of the chart's picture lies, in one system of coordinates: the regions side by side, as they are active. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}

/** A graph as elkjs gives it back, as far as it is looked at. */
export interface LaidOutNode extends Partial<Box> {
  readonly id: string;
  readonly children?: readonly LaidOutNode[];
}
export interface LaidOutGraph extends LaidOutNode {
  readonly edges?: readonly {
    readonly id: string;
    readonly sections?: readonly {
      readonly startPoint: Point;
      readonly endPoint: Point;
      readonly bendPoints?: readonly Point[];
    }[];
  }[];
}

export interface StateBox extends Box {
  readonly state: ChartState;
  /** 0 for a region. */
  readonly depth: number;
}

export interface DrawnArrow extends Arrow {
  /** Text of an SVG path. */
  readonly path: string;
  /** Where its label stands. */
  readonly middle: Point;
}

export interface ChartPicture {
  readonly width: number;
  readonly height: number;
  /** Outer ones first, so that inner ones are drawn over them. */
  readonly boxes: readonly StateBox[];
  readonly arrows: readonly DrawnArrow[];
}

const GAP = 14;
/** How much wider than the widest region a row may be. */
const ROOM = 1.2;

/** `layouts` are those of the regions, in their order. */
export function pictureOf(chart: ChartStructure, layouts: readonly LaidOutGraph[]): ChartPicture {
  const places = placeRegions(layouts.map(({ width = 0, height = 0 }) => ({ width, height })));
  const parts = chart.regions.map((region, index) => drawnRegion(region, layouts[index]!, places[index]!));
  const boxes = parts.flatMap((part) => part.boxes);
  return {
    width: Math.max(0, ...boxes.map(({ x, width }) => x + width)) + GAP,
    height: Math.max(0, ...boxes.map(({ y, height }) => y + height)) + GAP,
    boxes,
    arrows: parts.flatMap((part) => part.arrows),
  };
}

/** The first one on top; the others below it in rows that are hardly wider. */
function placeRegions(sizes: readonly { readonly width: number; readonly height: number }[]): Point[] {
  const widest = ROOM * Math.max(0, ...sizes.map(({ width }) => width));
  let [x, y, rowHeight] = [0, 0, 0];
  return sizes.map(({ width, height }) => {
    if (x > 0 && x + width > widest) [x, y, rowHeight] = [0, y + rowHeight + GAP, 0];
    const place = { x, y };
    x += width + GAP;
    rowHeight = Math.max(rowHeight, height);
    return place;
  });
}

function drawnRegion(
  region: ChartState,
  layout: LaidOutGraph,
  place: Point,
): { boxes: StateBox[]; arrows: DrawnArrow[] } {
  const known = new Map(statesWithin(region).map((state) => [state.path, state]));
  const boxes: StateBox[] = [];
  const visit = (node: LaidOutNode, origin: Point, depth: number): void => {
    const { x = 0, y = 0, width = 0, height = 0, children = [] } = node;
    const here = { x: origin.x + x, y: origin.y + y };
    const state = known.get(node.id);
    if (state !== undefined) boxes.push({ ...here, width, height, state, depth });
    for (const child of children) visit(child, here, depth + 1);
  };
  for (const node of layout.children ?? []) visit(node, place, 0);
  const boxOf = new Map(boxes.map((box) => [box.state.path, box]));
  const routes = new Map((layout.edges ?? []).map(({ id, sections }) => [id, sections?.[0]]));
  const arrows = arrowsOf(region).map((arrow): DrawnArrow => {
    const section = routes.get(arrow.id);
    if (section === undefined) return { ...arrow, ...curve(boxOf.get(arrow.from), boxOf.get(arrow.to)) };
    const points = [section.startPoint, ...(section.bendPoints ?? []), section.endPoint];
    return { ...arrow, ...rounded(points.map(({ x, y }) => ({ x: x + place.x, y: y + place.y }))) };
  });
  return { boxes, arrows };
}

const CORNER = 5;

/** A line with right angles whose corners are rounded. */
function rounded(points: readonly Point[]): Pick<DrawnArrow, 'path' | 'middle'> {
  const [first, ...rest] = points;
  const parts = [`M${at(first!)}`];
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1];
    if (next === undefined) parts.push(`L${at(point)}`);
    else parts.push(`L${at(towards(point, points[index]!))}`, `Q${at(point)} ${at(towards(point, next))}`);
  }
  return { path: parts.join(''), middle: middleOf(points) };
}

/** So far from a corner on the way to another point; half the way at most. */
function towards(from: Point, to: Point): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(CORNER, length / 2) / length;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/** The middle of the longest stretch: there is most room. */
function middleOf(points: readonly Point[]): Point {
  let best = { length: -1, x: 0, y: 0 };
  for (const [index, to] of points.slice(1).entries()) {
    const from = points[index]!;
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    if (length > best.length) best = { length, x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  }
  return { x: best.x, y: best.y };
}

/** For arrows without a route: from the edge of one box to the edge of the other, bent a little to its left. */
function curve(from: Box | undefined, to: Box | undefined): Pick<DrawnArrow, 'path' | 'middle'> {
  if (from === undefined || to === undefined) return { path: '', middle: { x: 0, y: 0 } };
  const [a, b] = isInside(to, from) ? [topOf(from), topOf(to)] : [centerOf(from), centerOf(to)];
  const start = isInside(to, from) ? a : borderTowards(from, b);
  const end = isInside(from, to) ? topOf(to) : borderTowards(to, a);
  const bend = BEND * Math.hypot(end.x - start.x, end.y - start.y);
  const angle = Math.atan2(end.y - start.y, end.x - start.x) - Math.PI / 2;
  const middle = {
    x: (start.x + end.x) / 2 + bend * Math.cos(angle),
    y: (start.y + end.y) / 2 + bend * Math.sin(angle),
  };
  return {
    path: `M${at(start)}Q${at(middle)} ${at(end)}`,
    middle: { x: (start.x + 2 * middle.x + end.x) / 4, y: (start.y + 2 * middle.y + end.y) / 4 },
  };
}

const BEND = 0.16;

function isInside(inner: Box, outer: Box): boolean {
  return (
    inner !== outer &&
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

function centerOf({ x, y, width, height }: Box): Point {
  return { x: x + width / 2, y: y + height / 2 };
}

function topOf({ x, y, width }: Box): Point {
  return { x: x + width / 2, y };
}

/** Where the line from the middle of a box to a point crosses the box's border. */
function borderTowards(box: Box, to: Point): Point {
  const center = centerOf(box);
  const [dx, dy] = [to.x - center.x, to.y - center.y];
  if (dx === 0 && dy === 0) return topOf(box);
  const scale = Math.min(
    dx === 0 ? Number.POSITIVE_INFINITY : box.width / 2 / Math.abs(dx),
    dy === 0 ? Number.POSITIVE_INFINITY : box.height / 2 / Math.abs(dy),
  );
  return { x: center.x + dx * scale, y: center.y + dy * scale };
}

function at({ x, y }: Point): string {
  return `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
}
