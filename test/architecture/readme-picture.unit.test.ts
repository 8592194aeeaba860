/** Goal: the picture in the README is a picture of the chart. Method: each state and arrow of it is looked up there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StateNode } from 'xstate';
import { instanceChart } from '../../machines/chart.ts';
import { projectDir } from './project-files.ts';

/** What the README says it leaves out. */
const LEFT_OUT = ['quarantined'];

/** The states of one region and its arrows as `from --> to`; an arrow of an inner state counts for its outer one. */
function regionOf(name: string) {
  const region = instanceChart.states[name as keyof typeof instanceChart.states] as unknown as StateNode;
  const states = Object.keys(region.states);
  const arrows = new Set<string>([`[*] --> ${String(region.config.initial)}`]);
  const walk = (node: StateNode): void => {
    const transitions = [...node.transitions.values(), node.always ?? []].flat();
    for (const target of transitions.flatMap((each) => each.target ?? [])) {
      if (target.path[0] === region.key) arrows.add(`${node.path[1]} --> ${target.path[1]}`);
    }
    for (const child of Object.values(node.states)) walk(child);
  };
  for (const state of Object.values(region.states)) {
    if (state.type === 'final') arrows.add(`${state.key} --> [*]`);
    walk(state);
  }
  return { states, arrows };
}

/** The arrows of each picture by the region it is for. */
function pictures(): Map<string, string[]> {
  const readme = readFileSync(join(projectDir, 'README.md'), 'utf8');
  const blocks = readme.matchAll(/^\*\*(\w+)\*\*[^\n]*\n\n```mermaid\nstateDiagram-v2\n([^`]*)```$/gm);
  const arrowOf = (line: string): string => line.trim().replace(/:.*/, '');
  return new Map([...blocks].map(([, name, body]) => [name!, body!.trimEnd().split('\n').map(arrowOf)]));
}

describe('the picture in the README', () => {
  const drawn = pictures();

  test('shows every region', () => {
    expect([...drawn.keys()]).toEqual(Object.keys(instanceChart.states));
  });

  test.each(Object.keys(instanceChart.states))('shows every state of %s and only arrows that are there', (name) => {
    const { states, arrows } = regionOf(name);
    const shown = drawn.get(name) ?? [];
    expect(shown.filter((arrow) => !arrows.has(arrow))).toEqual([]);
    const ends = new Set(shown.flatMap((arrow) => arrow.split(' --> ')));
    expect(states.filter((state) => !ends.has(state) && !LEFT_OUT.includes(state))).toEqual([]);
  });

  test('an arrow that is not in the chart would be noticed', () => {
    expect(regionOf('lifecycle').arrows.has('stopped --> running')).toBe(false);
    expect(regionOf('lifecycle').arrows.has('stopped --> booting')).toBe(true);
  });
});
