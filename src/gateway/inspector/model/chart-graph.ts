import type { ChartState } from '../../../projections/chart-structure.ts';

/**
 * One region of the chart as a graph to be laid out, and its arrows. What many states have in common (every state can
 * lose its run) would hide what is particular, so such arrows take no part in the layout: they are drawn only while they
 * matter, which chart-picture.ts does.
 */

/** Arrows of one region that are drawn always, beyond those which a state has to itself. */
export const ARROWS_ALWAYS_MAX = 20;

export interface Arrow {
  /** `FROM>TO`. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** Each event once, with the names of its guards. */
  readonly causes: readonly ArrowCause[];
  /** Laid out and drawn always. */
  readonly always: boolean;
}

export interface ArrowCause {
  readonly event: string;
  readonly guards: readonly string[];
}

/** A node as elkjs takes it. */
export interface GraphNode {
  readonly id: string;
  readonly width?: number;
  readonly height?: number;
  readonly children?: readonly GraphNode[];
  readonly layoutOptions?: Readonly<Record<string, string>>;
}

export interface Graph extends GraphNode {
  readonly edges: readonly { readonly id: string; readonly sources: string[]; readonly targets: string[] }[];
}

const CHAR_WIDTH = 7.4;
const NAME_MARGIN = 26;
const STATE_WIDTH_MIN = 66;
export const STATE_HEIGHT = 32;
/** Inside a state with inner ones, above those: its name stands there. */
const HEAD_HEIGHT = 32;

const LAYOUT = {
  'elk.algorithm': 'layered',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.edgeCoords': 'ROOT',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.feedbackEdges': 'true',
  'elk.layered.spacing.nodeNodeBetweenLayers': '34',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '7',
  'elk.layered.spacing.edgeNodeBetweenLayers': '11',
  'elk.spacing.nodeNode': '16',
  'elk.spacing.edgeEdge': '7',
  'elk.spacing.edgeNode': '10',
  'elk.padding': '[top=6,left=6,bottom=6,right=6]',
} as const;
/** Up to here a region is drawn upright, so that several stand side by side. */
const SMALL_REGION_STATES_MAX = 8;
const INNER_LAYOUT = { 'elk.padding': `[top=${HEAD_HEIGHT},left=12,bottom=12,right=12]` } as const;

export function graphOf(region: ChartState, arrows: readonly Arrow[]): Graph {
  const isSmall = statesWithin(region).length <= SMALL_REGION_STATES_MAX;
  return {
    id: `graph ${region.path}`,
    layoutOptions: { ...LAYOUT, 'elk.direction': isSmall ? 'DOWN' : 'RIGHT' },
    children: [nodeOf(region)],
    edges: arrows.filter(({ always }) => always).map(({ id, from, to }) => ({ id, sources: [from], targets: [to] })),
  };
}

function nodeOf({ path, name, states }: ChartState): GraphNode {
  if (states.length > 0) return { id: path, children: states.map(nodeOf), layoutOptions: INNER_LAYOUT };
  return { id: path, width: widthOf(name), height: STATE_HEIGHT };
}

export function widthOf(name: string): number {
  return Math.max(STATE_WIDTH_MIN, Math.round(name.length * CHAR_WIDTH + NAME_MARGIN));
}

/** Every state of the region and those inside it, outer ones first. */
export function statesWithin(state: ChartState): ChartState[] {
  return [state, ...state.states.flatMap(statesWithin)];
}

interface Step {
  readonly from: string;
  readonly to: string;
  readonly event: string;
  readonly guard: string | null;
}

/** Everything that leads from one state to another; what stays in its state has no arrow. */
export function arrowsOf(region: ChartState): readonly Arrow[] {
  const known = arrowsOfRegion.get(region) ?? findArrows(region);
  arrowsOfRegion.set(region, known);
  return known;
}

/** A chart does not change, and every moment that is drawn asks for its arrows. */
const arrowsOfRegion = new WeakMap<ChartState, readonly Arrow[]>();

function findArrows(region: ChartState): Arrow[] {
  const steps = statesWithin(region).flatMap(stepsOf);
  const sharers = countSharers(steps);
  const commonness = (step: Step): number => sharers.get(`${step.event}>${step.to}`)?.size ?? 0;
  const byId = Map.groupBy(steps, ({ from, to }) => `${from}>${to}`);
  const rarest = new Map([...byId].map(([id, same]) => [id, Math.min(...same.map(commonness))]));
  const always = drawnAlways(rarest, region.path);
  return [...byId].map(([id, same]) => {
    const { from, to } = same[0]!;
    return { id, from, to, causes: causesOf(same), always: always.has(id) };
  });
}

function stepsOf({ path, transitions }: ChartState): Step[] {
  return transitions.flatMap(({ target, event, guard }) =>
    target === null || target === path ? [] : [{ from: path, to: target, event, guard }],
  );
}

/** How many states the same event leads from to the same state. */
function countSharers(steps: readonly Step[]): Map<string, Set<string>> {
  const sharers = new Map<string, Set<string>>();
  for (const { event, to, from } of steps) {
    const key = `${event}>${to}`;
    sharers.set(key, (sharers.get(key) ?? new Set()).add(from));
  }
  return sharers;
}

function causesOf(steps: readonly Step[]): ArrowCause[] {
  const byEvent = Map.groupBy(steps, ({ event }) => event);
  return [...byEvent].map(([event, same]) => {
    const guards = same.flatMap(({ guard }) => (guard === null ? [] : [guard]));
    return { event, guards: [...new Set(guards)] };
  });
}

/**
 * The particular ones, then the less particular as long as there is room, and one more of each state that would
 * otherwise stand alone.
 */
function drawnAlways(rarest: ReadonlyMap<string, number>, region: string): Set<string> {
  // An arrow of the region as a whole leads from everywhere and says nothing about any state.
  const candidates = [...rarest].filter(([id]) => !id.startsWith(`${region}>`));
  const most = Math.max(1, ...candidates.map(([, shared]) => shared));
  let drawn = candidates.filter(([, shared]) => shared <= 1);
  for (let shared = 2; shared <= most; shared++) {
    const more = candidates.filter(([, own]) => own <= shared);
    if (more.length > ARROWS_ALWAYS_MAX) break;
    drawn = more;
  }
  const always = new Set(drawn.map(([id]) => id));
  const byRarity = candidates.toSorted(([, a], [, b]) => a - b);
  for (const end of [0, 1]) {
    const stateAt = (id: string): string => id.split('>')[end] ?? '';
    const reached = new Set([...always].map(stateAt));
    for (const [id] of byRarity) {
      if (reached.has(stateAt(id))) continue;
      reached.add(stateAt(id));
      always.add(id);
    }
  }
  return always;
}
