import type { AnyStateNode } from 'xstate';
import { instanceChart } from '../../machines/chart.ts';

/** The chart's definition as data, for tests that read it instead of running it. */

export const ROOT = instanceChart.root as unknown as AnyStateNode;

export function nodesUnder(node: AnyStateNode): AnyStateNode[] {
  return [node, ...Object.values(node.states).flatMap(nodesUnder)];
}

export const leavesOf = (node: AnyStateNode): AnyStateNode[] =>
  nodesUnder(node).filter((one) => Object.keys(one.states).length === 0);

export function pathOf(node: AnyStateNode): string {
  return node.path.slice(1).join('.');
}

/** Event types a node names, without those of its timers. */
export function eventsOf(node: AnyStateNode): string[] {
  return [...node.transitions.keys()].filter((type) => type !== '' && !type.startsWith('xstate.'));
}

/** Event types that mean something in a leaf: its own and those of the states around it. */
export function eventsAround(leaf: AnyStateNode): string[] {
  const around: AnyStateNode[] = [];
  for (let node: AnyStateNode | undefined = leaf; node?.parent !== undefined; node = node.parent) around.push(node);
  return [...new Set(around.flatMap(eventsOf))];
}

export const region = (name: string): AnyStateNode => {
  const node = ROOT.states[name];
  if (node === undefined) throw new Error(`The chart has no region ${name}.`);
  return node;
};
