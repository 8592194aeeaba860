/** Goal: the account of a whole life is exact. Method: the real runtime in simulated time, where every length is known. */
import { afterEach, expect, test } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import { AddressPool, parseRange } from '../../src/actors/address-pool.ts';
import { createSimulatedNetwork } from '../../src/adapters/simulator/simulated-network.ts';
import { siteOf } from '../../src/cli/daemon/network.ts';
import { createProjections } from '../../src/projections/engine/projections.ts';
import { listed } from '../../src/projections/engine/running-projection.ts';
import { wakefulnessProjection } from '../../src/projections/wakefulness.ts';
import { scriptedActivity } from '../actors/scripted-activity.ts';
import { BOOT_MS, OPERATOR, runningInstance, type SimulatedHost, simulatedHost } from '../actors/simulated-host.ts';

const SECOND_MS = 1_000;
const IDLE_TIMEOUT_MS = 60 * SECOND_MS;
const BRIDGED: Definition['network'] = { enabled: true, mode: 'bridge', ports: [], address: null, mac: null };

let host: SimulatedHost;
afterEach(() => host.supervisor.close());

test('connected, idle, held, asleep and woken: every second is where it belongs, live and read again from the log', async () => {
  const activity = scriptedActivity();
  const { site } = siteOf({ bridge: 'test' }, () => 'test')!;
  host = await simulatedHost({
    activity,
    addresses: new AddressPool(parseRange('10.77.0.0/16')),
    network: createSimulatedNetwork(site),
  });
  const { clock } = host;
  const auto_standby = { enabled: true, idle_timeout_ms: IDLE_TIMEOUT_MS };
  // It boots for a second, and runs for another.
  const id = await runningInstance(host, { network: BRIDGED, auto_standby });
  const say = async (connections: number): Promise<void> => {
    activity.say(id, { observer: 'in_order', connections, since: clock.now() });
    await clock.settle();
  };
  await say(1);
  await clock.advance(9 * SECOND_MS);
  await say(0);
  await clock.advance(20 * SECOND_MS);
  const until = clock.now() + 100 * SECOND_MS;
  await host.supervisor.command(id, { type: 'hold', by: 'operator', until }, OPERATOR);
  // The rest of the idle timeout, and the rest of the hold; then it is put away, and sleeps.
  await clock.advance(100 * SECOND_MS + 1_000 * SECOND_MS);
  expect(host.instances.get(id)?.state).toBe('Standby');
  await host.supervisor.command(id, { type: 'restore', by: 'operator' }, OPERATOR);
  // Nobody is connected then either.
  await clock.advance(5 * SECOND_MS);
  expect(host.instances.get(id)?.state).toBe('Running');

  const read = async () => {
    const report = ({ message }: { message: string }): never => {
      throw new Error(message);
    };
    const engine = await createProjections(
      { wakefulness: listed(wakefulnessProjection) },
      { log: host.log, clock, report },
    );
    await engine.rebuild(['wakefulness']);
    return engine.views.wakefulness.of(id, clock.now())!;
  };
  const account = await read();
  const { connection = 0, countdown = 0, hold = 0, under_way = 0 } = account.awake_by_cause_ms;
  expect(countdown).toBe(IDLE_TIMEOUT_MS + 5 * SECOND_MS);
  expect(hold).toBe(100 * SECOND_MS - (IDLE_TIMEOUT_MS - 20 * SECOND_MS));
  const records = await host.records(id);
  const slept = records.find(({ facts }) => facts.some(({ type }) => type === 'standby.entered'))!.at;
  const woken = records.find(({ facts }) => facts.some(({ type }) => type === 'instance.restore_requested'))!.at;
  const up = records.find(({ facts }) => facts.some(({ type }) => type === 'instance.restored'))!.at;
  expect(account.asleep_ms).toBe(woken - slept);
  expect(connection).toBe(10 * SECOND_MS);
  expect(under_way).toBe(BOOT_MS + (slept - until) + (up - woken));
  expect(account.awake_ms).toBe(connection + countdown + hold + under_way);
  expect(account.awake_ms + account.asleep_ms + account.down_ms).toBe(clock.now() - records[0]!.at);
  expect(account).toMatchObject({ is: 'awake', awake_because: 'countdown', unknown_ms: 0 });
});
