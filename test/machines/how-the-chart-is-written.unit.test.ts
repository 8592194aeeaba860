import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { AnyStateNode } from 'xstate';
import { acceptedCommands } from '../../machines/accepted-commands.ts';
import { instanceChart, MAX_ITERATIONS } from '../../machines/chart.ts';
import { COMMAND_TYPES, effectResultSchema, observationSchema } from '../../machines/events.ts';
import { EMPTY_SNAPSHOT, fromStateData, readActions, step, TIMER_NAMES, toStateData } from '../../machines/step.ts';
import { commands } from './alphabet.ts';
import { eventsOf, nodesUnder, ROOT } from './chart-walk.ts';
import { definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, drive } from './driver.ts';
import { withMutant } from './mutated-chart.ts';

const REGIONS = Object.keys(ROOT.states);

/** An unavailable probe says nothing about the guest, so it changes nothing anywhere. */
const OWNED_BY_NOBODY = ['probe.unavailable'];

const EXTERNAL: readonly string[] = [
  ...COMMAND_TYPES,
  ...observationSchema.options.map((option) => option.shape.type.value),
  ...effectResultSchema.options.map((option) => option.shape.type.value),
];

const ownersOf = (type: string): string[] =>
  REGIONS.filter((name) => nodesUnder(ROOT.states[name] as AnyStateNode).some((node) => eventsOf(node).includes(type)));

const machineSources = (): string[] => {
  const directory = fileURLToPath(new URL('../../machines/', import.meta.url));
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && path !== 'step.ts')
    .map((path) => readFileSync(`${directory}${path}`, 'utf8'));
};

const running = () => {
  const driver = drive(definition({ restart_policy: ON_FAILURE }));
  bootUp(driver, 1_000);
  return driver;
};

describe('one owner for each event', () => {
  it('the parallel root handles no event', () => {
    expect([...ROOT.transitions.keys()]).toEqual([]);
  });

  it.each(EXTERNAL)('%s is handled in exactly one region', (type) => {
    expect(ownersOf(type)).toHaveLength(OWNED_BY_NOBODY.includes(type) ? 0 : 1);
  });

  it('commands, results and what is found are owned by the lifecycle', () => {
    const types = [
      ...COMMAND_TYPES,
      ...effectResultSchema.options.map((option) => option.shape.type.value),
      'vmm.found',
    ];
    expect(new Set(types.flatMap(ownersOf))).toEqual(new Set(['lifecycle']));
  });

  it('no region asks for the configuration of another', () => {
    expect(machineSources().filter((text) => /\bstateIn\b/.test(text))).toEqual([]);
  });
});

describe('a pure chart', () => {
  it('invokes, spawns, sends and logs nothing', () => {
    expect(nodesUnder(ROOT).flatMap((node) => node.invoke)).toEqual([]);
    const impure = /\b(invoke|spawn|spawnChild|sendTo|sendParent|forwardTo|stopChild|log)\(|\binvoke:/;
    expect(machineSources().filter((text) => impure.test(text))).toEqual([]);
  });

  it('reads neither a clock nor chance', () => {
    expect(machineSources().filter((text) => /Date\.now|new Date|Math\.random|performance\./.test(text))).toEqual([]);
  });
});

describe('timers', () => {
  it('each delay stands in exactly one state, and that state has an explicit id', () => {
    const withDelays = nodesUnder(ROOT).flatMap((node) => node.after.map(({ eventType }) => ({ node, eventType })));
    const delays = new Set(withDelays.map(({ eventType }) => eventType));
    expect(delays.size).toBe(TIMER_NAMES.length);
    expect(withDelays.filter(({ node }) => node.id !== node.config.id).map(({ node }) => node.id)).toEqual([]);
  });

  it('are recorded by the name of the delay, never by a path', () => {
    expect(TIMER_NAMES.every((name) => /^timer\.[a-z_]+$/.test(name))).toBe(true);
  });

  it('a raise without a delay has been processed already and arms nothing', () => {
    const actions = [{ type: 'xstate.raise', params: { id: 'xstate.after.stop_deadline.graceful' } }];
    expect(readActions(EMPTY_SNAPSHOT, EMPTY_SNAPSHOT, START, actions).armed).toEqual([]);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('a delay of %d ms is refused', (delay) => {
    const actions = [{ type: 'xstate.raise', params: { id: 'xstate.after.stop_deadline.graceful', delay } }];
    expect(() => readActions(EMPTY_SNAPSHOT, EMPTY_SNAPSHOT, START, actions)).toThrow('not a duration');
  });

  it('a timer nobody waits for is an error', () => {
    expect(() => step(EMPTY_SNAPSHOT, { type: 'timer.nonsense', at: 1, due: 1, armed: 1 })).toThrow('No state waits');
  });
});

describe('loops and throws', () => {
  it('a loop of raised events is cut off', () => {
    expect(instanceChart.options?.maxIterations).toBe(MAX_ITERATIONS);
    expect(MAX_ITERATIONS).toBe(100);
  });

  it('a planted loop throws out of the step instead of hanging', async () => {
    const loop = {
      file: 'regions/lifecycle/rest.ts',
      find: "    stop: { actions: [...intend('stopped'), stopEarly('operator')] },",
      put: "    stop: { actions: [...intend('stopped'), stopEarly('operator')] },\n    'intent.changed': { actions: intend('stopped') },",
    };
    const created = drive(definition()).snapshot();
    await withMutant(loop, (mutant) => {
      const create = { type: 'create', at: START, by: 'ann', definition: definition(), wanted: 'running' } as const;
      const snapshot = mutant.step(mutant.EMPTY_SNAPSHOT, create).next;
      expect(snapshot.value).toEqual(created.value);
      expect(() => mutant.step(snapshot, { type: 'stop', at: START, by: 'ann' })).toThrow('more than 100 microsteps');
    });
  });

  it('a throw in a rule comes out of the step, and the state before it is untouched', () => {
    const snapshot = running().snapshot();
    const broken = fromStateData(toStateData(snapshot), null);
    const before = JSON.stringify(broken);
    expect(() => step(broken, { type: 'stop', at: START, by: 'ann' })).toThrow('needs a definition');
    expect(JSON.stringify(broken)).toBe(before);
    expect(step(snapshot, { type: 'stop', at: START + 5_000, by: 'ann' }).accepted).toBe(true);
  });
});

describe('what a state accepts', () => {
  it('equals what the machine says it can do, for every command in every state of a long walk', () => {
    const driver = running();
    for (const type of ['standby', 'stop', 'start', 'restart', 'delete'] as const) {
      driver.send(10_000, { type, by: 'ann' });
      const snapshot = driver.snapshot();
      const can = commands(START + 10_000, { changes: [{}], modes: true }).filter((event) =>
        snapshot.can(event as never),
      );
      expect(new Set(acceptedCommands(snapshot, START + 10_000))).toEqual(new Set(can.map(({ type: name }) => name)));
    }
  });

  it('is create and nothing else before the first record', () => {
    expect(acceptedCommands(EMPTY_SNAPSHOT, START)).toEqual(['create']);
  });

  it('trying leaves no trace', () => {
    const snapshot = running().snapshot();
    const before = JSON.stringify(toStateData(snapshot));
    acceptedCommands(snapshot, START + 60_000);
    expect(JSON.stringify(toStateData(snapshot))).toBe(before);
  });
});

describe('restored states', () => {
  it('a recorded state goes on exactly where it stood', () => {
    const { snapshot, send } = running();
    const restored = fromStateData(structuredClone(toStateData(snapshot())), snapshot().context.definition);
    const event = { type: 'stop', at: START + 9_000, by: 'ann' } as const;
    const again = step(restored, event);
    const direct = send(9_000, { type: 'stop', by: 'ann' });
    expect(toStateData(again.next)).toEqual(toStateData(direct.next));
    expect(again.effects).toEqual(direct.effects);
  });

  it.each(REGIONS)('a state without the region %s is refused', (name) => {
    const data = structuredClone(toStateData(running().snapshot()));
    Reflect.deleteProperty(data.value as object, name);
    expect(() => fromStateData(data, definition())).toThrow(name);
  });

  it('a state the chart does not have is refused', () => {
    const data = structuredClone(toStateData(running().snapshot()));
    Object.assign(data.value as object, { restart: 'nowhere' });
    expect(() => fromStateData(data, definition())).toThrow();
  });
});
