import type { Definition } from '../../machines/definition.ts';
import { OPERATOR, runningInstance, type SimulatedHost } from '../actors/simulated-host.ts';

/** Scenes about automatic restarts beyond the plain policy: what holds them back, and what people do about them. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const by = OPERATOR.actor;

const GROWING: NonNullable<Definition['restart_policy']> = {
  policy: 'on_failure',
  backoff_ms: 5 * SECOND,
  backoff_max_ms: MINUTE,
  jitter: 0.2,
  max_attempts: 4,
  stable_after_ms: 10 * MINUTE,
  exit_codes: { restart: [0], never: [3] },
  stability_period_ms: 2 * MINUTE,
};

const SENSITIVE: NonNullable<Definition['health_check']> = {
  target: { type: 'tcp', port: 80 },
  interval_ms: 10 * SECOND,
  timeout_ms: SECOND,
  start_period_ms: 0,
  failure_threshold: 1,
  success_threshold: 1,
};

async function send(host: SimulatedHost, id: string, type: 'cancel_restart' | 'reset_restart' | 'start' | 'stop') {
  await host.supervisor.command(id, { type, by }, OPERATOR);
  await host.clock.advance(10 * SECOND);
}

/** Delays that grow, an attempt cancelled, a new window, codes that are and are not restarted. */
export async function growsAndIsCancelled(host: SimulatedHost): Promise<string> {
  const id = await runningInstance(host, { restart_policy: GROWING });
  for (const code of [0, 1]) {
    await host.control.guestExit(id, code);
    await host.clock.advance(2 * SECOND);
  }
  await send(host, id, 'cancel_restart');
  await send(host, id, 'start');
  for (let crash = 0; crash < 5; crash++) {
    await host.control.guestExit(id, 1);
    await host.clock.advance(2 * MINUTE);
  }
  await send(host, id, 'reset_restart');
  await send(host, id, 'start');
  await host.control.guestExit(id, 3);
  await host.clock.advance(2 * MINUTE);
  await send(host, id, 'stop');
  return id;
}

/** Unhealthy again right after a restart: the stability period holds the next one back, and the budget blocks in the end. */
export async function unhealthyTooSoon(host: SimulatedHost): Promise<string> {
  const restart_policy = { ...GROWING, max_attempts: 2 };
  const id = await runningInstance(host, { restart_policy, health_check: SENSITIVE });
  const fail = async (thenMs: number): Promise<void> => {
    const { run, health } = (await host.records(id)).at(-1)!.state.context;
    const window = { run: run.number, revision: health.revision };
    host.supervisor.observe(id, { type: 'probe.failed', window, error: 'refused' });
    await host.clock.advance(thenMs);
  };
  await fail(10 * SECOND);
  await fail(3 * MINUTE);
  await fail(3 * MINUTE);
  await send(host, id, 'reset_restart');
  await fail(10 * SECOND);
  await send(host, id, 'cancel_restart');
  await host.clock.advance(5 * MINUTE);
  return id;
}
