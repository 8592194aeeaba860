import fc from 'fast-check';
import { expect } from 'vitest';
import type { AutoStandby } from '../../machines/policies.ts';
import { SimulatedClock, seededRandom } from '../../src/actors/clock.ts';
import type { Published } from '../../src/actors/supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import type { TrafficChange } from '../../src/adapters/simulator/wire.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { type DaemonLife, startDaemonLife } from '../../src/cli/simulate/daemon-life.ts';
import { definition, OPERATOR, START } from '../actors/simulated-host.ts';
import type { IdleModel, Told } from './idle-model.ts';

/** What can happen around one guest that may be put to sleep, done to the runtime and to a model of it alike. */

const by = 'ann';
const IGNORED = '10.9.0.0/16';
/** None of these meets another in one instant. */
export const timeouts = fc.constantFrom(20_011, 60_013, 400_009);
const clients = fc.constantFrom('a', 'b', 'c');
const told = fc.oneof(
  { weight: 6, arbitrary: fc.constant('told' as const) },
  fc.constantFrom('lost' as const, 'overrun' as const),
);

const seldom = fc.oneof(
  fc.record({ do: fc.constant('kill the daemon' as const), ms: fc.integer({ min: 0, max: 90_000 }) }),
  fc.record({ do: fc.constant('step the clock' as const), ms: fc.integer({ min: -400_000, max: 400_000 }) }),
  { weight: 3, arbitrary: fc.record({ do: fc.constant('dumps' as const), fail: fc.boolean() }) },
  fc.record({ do: fc.constant('update' as const), ms: timeouts }),
  fc.record({ do: fc.constant('standby' as const) }),
);

export const moves = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 10, max: 90_000 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait for sleep' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('open' as const), client: clients, udp: fc.boolean(), told }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('close' as const), client: clients, udp: fc.boolean(), told }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('be ignored' as const), told }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('hold' as const), ms: fc.integer({ min: 0, max: 500_000 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wake' as const) }) },
  { weight: 3, arbitrary: seldom },
);
export type Move = typeof moves extends fc.Arbitrary<infer T> ? T : never;

export interface Pair {
  readonly clock: SimulatedClock;
  readonly control: SimulatorControl;
  readonly id: string;
  readonly model: IdleModel;
  /** Everything that was recorded, in order, over all lives of the daemon. */
  readonly published: readonly Published[];
  life: DaemonLife | null;
  readonly begin: () => Promise<DaemonLife>;
}

const policyOf = (idle_timeout_ms: number): AutoStandby => ({
  enabled: true,
  idle_timeout_ms,
  ignore_source_cidrs: [IGNORED],
});

/** A guest that has just become ready, and to which nobody talks. */
export async function pairOf(timeoutMs: number, modelOf: (now: number) => IdleModel): Promise<Pair> {
  const clock = new SimulatedClock(START);
  const random = seededRandom(7, clock);
  const world = createWorld({ clock, random: seededRandom(2, clock) });
  const log = createMemoryLog();
  const published: Published[] = [];
  const onRecord = (one: Published): void => {
    // A life begins with the newest record that the one before it has left.
    if (one.record.version > (published.at(-1)?.record.version ?? 0)) published.push(one);
  };
  const begin = (): Promise<DaemonLife> =>
    startDaemonLife({ clock, random, log, world, clockSteps: true, host: {}, onRecord, report: () => {} });
  const life = await begin();
  const wanted = definition({ auto_standby: policyOf(timeoutMs) });
  const { id } = await life.supervisor.create(wanted, 'running', OPERATOR);
  await clock.advance(1_000);
  const control = controlSimulator({ world, clock });
  return { clock, control, id, model: modelOf(clock.now()), published, life, begin };
}

/** Lets time pass from one timer to the next, so that the instant of every sleep is seen. */
async function wait(pair: Pair, ms: number, move: object): Promise<void> {
  const { clock, model } = pair;
  for (let leftMs = ms; leftMs > 0; ) {
    const stepMs = Math.min(leftMs, Math.max(1, Math.ceil(clock.nextTimerInMs() ?? leftMs)));
    model.advance(stepMs);
    await clock.advance(stepMs);
    await compare(pair, move);
    leftMs -= stepMs;
  }
}

async function traffic({ control, clock, id }: Pair, change: TrafficChange, fate: Told): Promise<void> {
  if (fate !== 'told') await control.setTable({ events: fate }, 1);
  await control.traffic(id, change);
  await control.setTable({ events: 'told' });
  await clock.settle();
}

const textOf = ({ client, udp }: { client: string; udp: boolean }): string =>
  `${udp ? 'udp ' : ''}203.0.113.${client.charCodeAt(0)}:5000->80`;

/** Both do it; what makes no sense in the present state is left out. */
export async function make(pair: Pair, move: Move): Promise<void> {
  const { clock, control, id, model } = pair;
  const command = async (given: Parameters<DaemonLife['supervisor']['command']>[1]): Promise<void> => {
    await pair.life!.supervisor.command(id, given, OPERATOR);
    await clock.settle();
  };
  switch (move.do) {
    case 'wait':
      return wait(pair, move.ms, move);
    case 'wait for sleep':
      return wait(pair, 2 * model.timeoutMs, move);
    case 'open':
      if (move.told === 'overrun') model.overrun();
      model.open(textOf(move), move.told, move.udp ? 'until quiet' : 'until closed');
      return traffic(pair, { open: textOf(move) }, move.told);
    case 'close':
      if (!model.connections.has(textOf(move))) return;
      model.close(textOf(move), move.told);
      if (move.told === 'overrun') model.overrun();
      return traffic(pair, { close: textOf(move) }, move.told);
    case 'be ignored':
      if (move.told === 'overrun') model.overrun();
      await traffic(pair, { open: '10.9.8.7:5000->80' }, move.told);
      return traffic(pair, { close: '10.9.8.7:5000->80' }, 'told');
    case 'hold':
      if (model.vm === 'asleep') return;
      model.hold(move.ms);
      return command({ type: 'hold', by, until: clock.now() + move.ms });
    case 'wake':
      if (model.vm === 'awake') return;
      model.wake();
      return command({ type: 'restore', by });
    case 'standby':
      if (model.vm === 'asleep') return;
      model.sleep();
      return command({ type: 'standby', by });
    case 'update':
      model.update(move.ms);
      return command({ type: 'update', by, changes: { auto_standby: policyOf(move.ms) } });
    case 'dumps':
      model.dumps(move.fail);
      return control.setTable({ dumps: move.fail ? 'fail' : 'ok' });
    case 'step the clock':
      model.step(move.ms);
      clock.step(move.ms);
      return;
    case 'kill the daemon':
      return kill(pair, move.ms, move);
  }
}

async function kill(pair: Pair, ms: number, move: Move): Promise<void> {
  pair.life!.kill();
  pair.life = null;
  pair.model.daemon(false);
  await wait(pair, ms, move);
  pair.life = await pair.begin();
  await pair.clock.settle();
  pair.model.daemon(true);
}

/** It sleeps only when it may, and does not stay awake when it has to sleep. */
export async function compare({ clock, control, id, model }: Pair, move: object): Promise<void> {
  await clock.advance(0);
  const asleep = (await control.countVmms(id)) === 0;
  const at = clock.now() - START;
  if (asleep && model.vm === 'awake') {
    expect({ move, at, put_to_sleep_although: model.mustNotSleep }).toEqual({ move, at, put_to_sleep_although: null });
    model.sleep();
  }
  expect({ move, at, asleep }).toEqual({ move, at, asleep: model.vm === 'asleep' });
  expect({ move, at, awake_although_long_idle: model.vm === 'awake' && model.mustSleep }).toEqual({
    move,
    at,
    awake_although_long_idle: false,
  });
}
