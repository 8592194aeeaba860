import type { AnyStateNode } from 'xstate';

/**
 * What XState's algorithm (that of SCXML) would work out for each event, as functions of a machine's states. Planned
 * are machines whose root is parallel and has no transitions of its own, whose regions hold simple and compound states,
 * and whose transitions stay in their region. History, `always`, `invoke`, final states, wildcards and XState's own
 * guard makers are not: `Unplanned` is thrown, and XState does the step.
 */
export class Unplanned extends Error {
  override readonly name = 'Unplanned';
}

type Moment = { readonly context: unknown; readonly event: unknown };

export interface Transition {
  readonly guard: ((moment: Moment, params: undefined) => boolean) | undefined;
  readonly target: readonly AnyStateNode[] | undefined;
  readonly source: AnyStateNode;
  readonly reenter: boolean;
  readonly actions: readonly unknown[];
}

/** Per region, in the order of the regions: what to try, innermost state first. Regions with nothing are left out. */
export type Candidates = readonly (readonly Transition[])[];

/** What taking some transitions together does. */
export interface Move {
  /** Exit actions, transition actions, entry actions, in the order in which they run. */
  readonly actions: readonly unknown[];
  /** The states afterwards. */
  readonly nodes: readonly AnyStateNode[];
  /** Whether those are others than before. */
  readonly moves: boolean;
}

const byOrder = (a: AnyStateNode, b: AnyStateNode): number => a.order - b.order;

/** Equal for equal sets of states. */
export function configurationKey(nodes: readonly AnyStateNode[]): string {
  return nodes
    .map((node) => node.order)
    .sort((a, b) => a - b)
    .join(' ');
}

function assertPlanned(node: AnyStateNode): void {
  const { root } = node.machine;
  const kind = node === root ? node.type === 'parallel' && node.transitions.size === 0 : isSimple(node);
  const plain = node.always === undefined && node.invoke.length === 0;
  const wild = [...node.transitions.keys()].some((type) => type.includes('*'));
  if (!kind || !plain || wild) throw new Unplanned(node.id);
}

/** A final state ends its region with an event of XState's own; that rare step is left to XState. */
function isSimple(node: AnyStateNode): boolean {
  return node.type === 'atomic' || node.type === 'compound';
}

function ancestorsOf(node: AnyStateNode): AnyStateNode[] {
  const ancestors: AnyStateNode[] = [];
  for (let at: AnyStateNode | undefined = node.parent; at !== undefined; at = at.parent) ancestors.push(at);
  return ancestors;
}

function isWithin(node: AnyStateNode, ancestor: AnyStateNode): boolean {
  return ancestorsOf(node).includes(ancestor);
}

function planned(transition: Transition): Transition {
  const { guard } = transition as { guard?: unknown };
  if (guard !== undefined && (typeof guard !== 'function' || 'check' in guard)) throw new Unplanned('guard');
  return transition;
}

/** What could be taken on an event of this type. */
export function candidatesOf(nodes: readonly AnyStateNode[], type: string): Candidates {
  for (const node of nodes) assertPlanned(node);
  const { root } = nodes[0]!.machine;
  const leaves = nodes.filter((node) => node.type === 'atomic');
  const perRegion = Object.values(root.states as Record<string, AnyStateNode>).map((region) => {
    const leaf = leaves.find((node) => node === region || isWithin(node, region));
    if (leaf === undefined) throw new Unplanned(region.id);
    const path = [leaf, ...ancestorsOf(leaf)].filter((node) => node !== root);
    return path.flatMap((node) => (node.transitions.get(type) ?? []) as readonly unknown[] as readonly Transition[]);
  });
  return perRegion.filter((transitions) => transitions.length > 0).map((transitions) => transitions.map(planned));
}

interface Change {
  readonly exited: Set<AnyStateNode>;
  readonly entered: Set<AnyStateNode>;
}

/** The innermost state that a transition leaves as it is. */
function domainOf({ source, reenter }: Transition, target: AnyStateNode): AnyStateNode {
  if (!reenter && (target === source || isWithin(target, source))) return source;
  const domain = ancestorsOf(target).find((ancestor) => isWithin(source, ancestor));
  // A domain as wide as the machine would leave and enter every region.
  if (domain === undefined || domain.parent === undefined) throw new Unplanned(source.id);
  return domain;
}

function enterBelow(node: AnyStateNode, entered: Set<AnyStateNode>): void {
  assertPlanned(node);
  if (node.type !== 'compound') return;
  const [initial, ...others] = node.initial.target;
  if (initial === undefined || others.length > 0 || initial.parent !== node) throw new Unplanned(node.id);
  entered.add(initial);
  enterBelow(initial, entered);
}

function note(transition: Transition, nodes: readonly AnyStateNode[], { exited, entered }: Change): void {
  const { source, target: targets = [], reenter } = transition;
  if (targets.length === 0) return;
  const [target, ...others] = targets;
  if (target === undefined || others.length > 0) throw new Unplanned(source.id);
  const domain = domainOf(transition, target);
  for (const node of nodes) if (isWithin(node, domain)) exited.add(node);
  if (source !== target || source !== domain || reenter) entered.add(target);
  enterBelow(target, entered);
  for (const ancestor of ancestorsOf(target)) if (isWithin(ancestor, domain)) entered.add(ancestor);
}

/** States whose initial transition's own actions would have to run: none are planned. */
function assertNoInitialActions(entered: Iterable<AnyStateNode>): void {
  for (const node of entered) {
    assertPlanned(node);
    if (node.type === 'compound' && node.initial.actions.length > 0) throw new Unplanned(node.id);
  }
}

/** What these transitions, one of each of some regions, do from these states. */
export function moveOf(nodes: readonly AnyStateNode[], transitions: readonly Transition[]): Move {
  const change: Change = { exited: new Set(), entered: new Set() };
  for (const transition of transitions) note(transition, nodes, change);
  const { exited, entered } = change;
  assertNoInitialActions(entered);
  const exits = [...exited].sort((a, b) => byOrder(b, a)).flatMap((node) => node.exit);
  const entries = [...entered].sort(byOrder).flatMap((node) => node.entry);
  const after = [...nodes.filter((node) => !exited.has(node) && !entered.has(node)), ...entered].sort(byOrder);
  return {
    actions: [...exits, ...transitions.flatMap((transition) => transition.actions), ...entries],
    nodes: after,
    moves: configurationKey(after) !== configurationKey(nodes),
  };
}
