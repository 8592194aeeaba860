import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HealthCheck } from '../../machines/policies.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { definition, OPERATOR, type SimulatedHost, simulatedHost } from '../actors/simulated-host.ts';
import { LIMIT_MS, runs } from './runs.ts';
import { type Check, ThresholdsModel } from './thresholds-model.ts';

/** The runtime on the simulated host against a model of windows, start periods, streaks and masking that fits a page. */

/** By then whatever was asked of the simulated hypervisor is done. */
const SETTLED_MS = 5_000;
const by = 'ann';

const checks: fc.Arbitrary<Check> = fc.record({
  start_period_ms: fc.constantFrom(0, 10_000, 60_000),
  failure_threshold: fc.integer({ min: 1, max: 4 }),
  success_threshold: fc.integer({ min: 1, max: 3 }),
});

const probes = fc.record({ do: fc.constantFrom('pass', 'fail'), times: fc.integer({ min: 1, max: 5 }) });
const others = fc.record({
  do: fc.constantFrom('unavailable', 'stop', 'start', 'standby', 'restore', 'exit', 'crash', 'update something else'),
});
const moves = fc.oneof(
  { weight: 8, arbitrary: probes },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait'), ms: fc.constantFrom(1, 4_999, 10_000, 55_000) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('stale'), of: fc.constantFrom('run', 'check') }) },
  { weight: 4, arbitrary: others },
  fc.record({ do: fc.constant('check'), check: fc.option(checks, { nil: null }) }),
);
type Move = { readonly do: string; readonly times?: number; readonly ms?: number; readonly of?: string } & {
  readonly check?: Check | null;
};

interface Pair {
  readonly host: SimulatedHost;
  readonly id: string;
  readonly model: ThresholdsModel;
}

const full = (check: Check | null): HealthCheck | null =>
  check && { ...check, target: { type: 'tcp', port: 80 }, interval_ms: 5_000, timeout_ms: 1_000 };

/** Of the present window, or of one that is over. */
async function tell({ host, id }: Pair, result: 'passed' | 'failed' | 'unavailable', of?: string): Promise<string> {
  const { run, health } = parseRecord((await host.log.head(id))!.bytes).state.context;
  const window = {
    run: run.number - (of === 'run' ? 1 : 0),
    revision: health.revision - (of === 'check' ? 1 : 0),
  };
  const error = `${result} at ${host.clock.now()}`;
  if (result === 'passed') host.supervisor.observe(id, { type: 'probe.passed', window });
  else host.supervisor.observe(id, { type: `probe.${result}`, window, error });
  await host.clock.settle();
  return error;
}

/** What the present state refuses is left out. */
async function command({ host, id, model }: Pair, type: 'stop' | 'start' | 'standby' | 'restore'): Promise<void> {
  const from = { stop: ['up', 'asleep'], start: ['off'], standby: ['up'], restore: ['asleep'] }[type];
  if (!from.includes(model.vm)) return;
  const askedAt = host.clock.now();
  await host.supervisor.command(id, { type, by }, OPERATOR);
  await host.clock.advance(SETTLED_MS);
  if (type === 'start' || type === 'restore') model.up(askedAt);
  else model.down(type === 'stop' ? 'off' : 'asleep');
}

async function update({ host, id }: Pair, changes: object): Promise<void> {
  await host.supervisor.command(id, { type: 'update', by, changes }, OPERATOR);
}

async function make(pair: Pair, move: Move): Promise<void> {
  const { host, id, model } = pair;
  switch (move.do) {
    case 'pass':
    case 'fail':
      for (let time = 0; time < move.times!; time++) {
        const error = await tell(pair, move.do === 'pass' ? 'passed' : 'failed');
        if (move.do === 'pass') model.pass();
        else model.fail(host.clock.now(), error);
        await host.clock.advance(1);
      }
      return;
    case 'unavailable':
      return void (await tell(pair, 'unavailable'));
    case 'stale':
      return void (await tell(pair, 'failed', move.of));
    case 'wait':
      return host.clock.advance(move.ms!);
    case 'check':
      await update(pair, { health_check: full(move.check!) });
      return model.update(move.check!, host.clock.now());
    case 'update something else':
      return update(pair, { expiry: null });
    case 'crash':
      return host.restart();
    case 'exit':
      if (model.vm !== 'up') return;
      await host.control.guestExit(id, 1);
      return model.down('off');
    default:
      return command(pair, move.do as 'stop');
  }
}

describe('verdicts', () => {
  it('are those of the model, whatever happens in whatever order', { timeout: LIMIT_MS }, async () => {
    await fc.assert(
      fc.asyncProperty(checks, fc.array(moves, { minLength: 10, maxLength: 40 }), async (check, all) => {
        const host = await simulatedHost();
        const model = new ThresholdsModel(check);
        model.up(host.clock.now());
        const { id } = await host.supervisor.create(definition({ health_check: full(check) }), 'running', OPERATOR);
        await host.clock.advance(SETTLED_MS);
        for (const move of all as Move[]) {
          await make({ host, id, model }, move);
          await host.clock.advance(0);
          const { last_error = null, ...health } = host.instances.get(id)!.health_status;
          expect({ move, ...health, last_error }).toEqual({ move, ...model.shown });
        }
        await host.supervisor.close();
      }),
      runs(100),
    );
  });
});
