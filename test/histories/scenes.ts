import type { Definition } from '../../machines/definition.ts';
import type { Hooks } from '../../src/actors/contracts/hooks.ts';
import type { InstanceCommand } from '../../src/actors/supervisor.ts';
import { BOOT_MS, definition, OPERATOR, runningInstance, type SimulatedHost, START } from '../actors/simulated-host.ts';
import { growsAndIsCancelled, unhealthyTooSoon } from './restart-scenes.ts';
import {
  forkedToSleep,
  sealed,
  setAsideWhileDeleted,
  setAsideWhileWaking,
  wantedWhilePutAway,
} from './sleeper-scenes.ts';
import { keptAndBroughtBack, notWoken, scheduled } from './standby-scenes.ts';

/** What the recorded histories tell: each scene plays in simulated time and leaves one instance behind. */
export type Scene = (host: SimulatedHost) => Promise<string>;

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const ON_FAILURE: NonNullable<Definition['restart_policy']> = {
  policy: 'on_failure',
  backoff_ms: 5 * SECOND,
  max_attempts: 2,
  stable_after_ms: MINUTE,
};
const HEALTH_CHECK: NonNullable<Definition['health_check']> = {
  target: { type: 'tcp', port: 80 },
  interval_ms: 10 * SECOND,
  timeout_ms: SECOND,
  start_period_ms: 0,
  failure_threshold: 2,
  success_threshold: 1,
};

async function send(host: SimulatedHost, id: string, command: InstanceCommand, thenMs = 0): Promise<void> {
  await host.supervisor.command(id, command, OPERATOR);
  await host.clock.advance(thenMs);
}

const by = OPERATOR.actor;

const crashesUntilBlocked: Scene = async (host) => {
  const id = await runningInstance(host, { restart_policy: ON_FAILURE });
  for (let crash = 0; crash < 3; crash++) {
    await host.control.guestExit(id, 1);
    await host.clock.advance(10 * SECOND);
  }
  await send(host, id, { type: 'start', by }, 3 * MINUTE);
  await host.control.sigkill(id);
  await host.clock.advance(3 * MINUTE);
  return id;
};

const stops: Scene = async (host) => {
  const id = await runningInstance(host, { restart_policy: { ...ON_FAILURE, policy: 'always' } });
  await host.control.guestExit(id, 0);
  await host.clock.advance(2 * SECOND);
  await send(host, id, { type: 'stop', by }, 10 * SECOND);
  await send(host, id, { type: 'start', by }, 10 * SECOND);
  await send(host, id, { type: 'restart', by }, 10 * SECOND);
  await host.control.setShutdown(id, { ignored: true });
  await send(host, id, { type: 'stop', by }, 30 * SECOND);
  return id;
};

const deleted: Scene = async (host) => {
  const id = await runningInstance(host);
  await send(host, id, { type: 'delete', by }, MINUTE);
  return id;
};

const bootsTooSlowly: Scene = async (host) => {
  await host.control.setBootDuration('*', 10 * MINUTE);
  const id = await runningInstance(host, { restart_policy: { ...ON_FAILURE, max_attempts: 1 } });
  await host.clock.advance(5 * MINUTE);
  return id;
};

const bootsThatFail: Scene = async (host) => {
  await host.control.setFault('*', 'boot', 'fail', 2);
  const id = await runningInstance(host, { restart_policy: ON_FAILURE });
  await host.clock.advance(MINUTE);
  await host.control.setFault('*', 'boot', 'hang');
  await send(host, id, { type: 'restart', by }, 10 * SECOND);
  await send(host, id, { type: 'stop', by }, MINUTE);
  return id;
};

const lostAndFound: Scene = async (host) => {
  const id = await runningInstance(host);
  await host.control.setFault(id, 'inspect', 'fail');
  await host.restart();
  await host.clock.advance(20 * SECOND);
  await host.control.setFault(id, 'inspect', 'ok');
  await host.clock.advance(MINUTE);
  await host.control.setFault(id, 'shutdown', 'hang_after');
  await host.control.setFault(id, 'kill', 'hang_after');
  await host.control.setShutdown(id, { ignored: true });
  await send(host, id, { type: 'stop', by }, 3 * MINUTE);
  await send(host, id, { type: 'start', by }, 10 * SECOND);
  await host.control.setFault(id, 'kill', 'fail', 1);
  await send(host, id, { type: 'stop', by, force: true }, 3 * MINUTE);
  return id;
};

const daemonKilled: Scene = async (host) => {
  const id = await runningInstance(host, { restart_policy: ON_FAILURE });
  await host.supervisor.close();
  await host.control.guestExit(id, 3);
  await host.clock.advance(20 * SECOND);
  await host.restart();
  await host.clock.advance(SECOND / 2);
  await host.restart();
  await host.clock.advance(2 * SECOND);
  await host.supervisor.close();
  await host.control.hostReboot();
  await host.restart();
  await host.clock.advance(5 * SECOND);
  await host.control.reboot(id);
  await host.clock.advance(2 * MINUTE);
  return id;
};

const expires: Scene = async (host) => {
  const expiry = { expires_at: START + MINUTE, then: 'stop' } as const;
  const id = await runningInstance(host, { expiry });
  const later = { expires_at: START + 5 * MINUTE, then: 'delete' } as const;
  await send(host, id, { type: 'update', by, changes: { expiry: later, restart_policy: ON_FAILURE } }, 2 * MINUTE);
  await send(host, id, { type: 'update', by, changes: { expiry } }, MINUTE);
  return id;
};

const expiresForGood: Scene = async (host) => {
  const expiry = { expires_at: START + MINUTE, then: 'delete' } as const;
  const { id } = await host.supervisor.create(definition({ expiry }), 'stopped', OPERATOR);
  await host.clock.advance(2 * MINUTE);
  return id;
};

/** Health as its adapters will tell it: a probed guest turns healthy, sick, is restarted, and gets well. */
const turnsUnhealthy: Scene = async (host) => {
  const id = await runningInstance(host, { restart_policy: ON_FAILURE, health_check: HEALTH_CHECK });
  const { revision } = (await host.records(id)).at(-1)!.state.context.health;
  const window = { run: 1, revision };
  const failed = { type: 'probe.failed', window, error: 'refused' } as const;
  for (const event of [{ type: 'probe.passed', window } as const, failed, failed]) {
    host.supervisor.observe(id, event);
    await host.clock.advance(10 * SECOND);
  }
  host.supervisor.observe(id, { type: 'probe.passed', window: { run: 2, revision } });
  await host.clock.advance(2 * MINUTE);
  await send(host, id, { type: 'update', by, changes: { health_check: null } });
  return id;
};

/** Standby as far as the chart knows it: idle, kept awake by traffic and a hold, blind, asleep, awake. */
const fallsAsleep: Scene = async (host) => {
  const id = await runningInstance(host, { auto_standby: { enabled: true, idle_timeout_ms: MINUTE } });
  const idle = { type: 'traffic.idle', run: 1 } as const;
  host.supervisor.observe(id, idle);
  await host.clock.advance(10 * SECOND);
  host.supervisor.observe(id, { type: 'traffic.active', run: 1, connections: 2 });
  await host.clock.advance(10 * SECOND);
  host.supervisor.observe(id, { type: 'observer.lost', error: 'events were dropped' });
  await host.clock.advance(SECOND);
  host.supervisor.observe(id, { type: 'observer.restored' });
  await host.clock.advance(SECOND);
  host.supervisor.observe(id, idle);
  await send(host, id, { type: 'hold', by, until: host.clock.now() + 2 * MINUTE }, 90 * SECOND);
  await send(host, id, { type: 'standby', by }, 10 * SECOND);
  await send(host, id, { type: 'restore', by }, 10 * SECOND);
  await send(host, id, { type: 'standby', by }, 10 * SECOND);
  await send(host, id, { type: 'stop', by }, 10 * SECOND);
  return id;
};

const stopsBeforeTheBoot: Scene = async (host) => {
  await host.control.setFault('*', 'boot', { slow: 5 * SECOND });
  const { id } = await host.supervisor.create(definition({ restart_policy: ON_FAILURE }), 'running', OPERATOR);
  await host.clock.advance(BOOT_MS);
  await send(host, id, { type: 'stop', by }, 10 * SECOND);
  return id;
};

/** Held back in maintenance: an end, an expiry; decided when the host is back to normal. Then the host reboots. */
const maintained: Scene = async (host) => {
  const expiry = { expires_at: START + 10 * MINUTE, then: 'stop' } as const;
  const id = await runningInstance(host, { restart_policy: ON_FAILURE, expiry });
  await host.supervisor.setMode('maintenance', OPERATOR);
  await host.control.guestExit(id, 1);
  await host.clock.advance(MINUTE);
  await host.supervisor.setMode('normal', OPERATOR);
  await host.clock.advance(MINUTE);
  await host.supervisor.close();
  await host.control.hostReboot();
  await host.restart();
  await host.clock.advance(10 * SECOND);
  await host.supervisor.setMode('draining', OPERATOR);
  await host.clock.advance(10 * MINUTE);
  await host.supervisor.setMode('normal', OPERATOR);
  await host.clock.advance(MINUTE);
  return id;
};

const ignored: Scene = async (host) => {
  const id = await runningInstance(host, { restart_policy: ON_FAILURE });
  await host.control.guestExit(id, 1);
  await host.clock.advance(2 * SECOND);
  await host.control.guestExit(id, 1);
  await host.clock.advance(SECOND);
  await send(host, id, { type: 'ignore', by }, 10 * SECOND);
  await send(host, id, { type: 'start', by }, 10 * SECOND);
  await send(host, id, { type: 'ignore', by }, SECOND);
  await host.control.guestExit(id, 1);
  await host.clock.advance(MINUTE);
  await send(host, id, { type: 'start', by }, 10 * SECOND);
  return id;
};

/** The host has room for one: whoever comes back second waits, and is let go when the first one ends. */
const held: Scene = async (host) => {
  const { memory_bytes, vcpus } = definition();
  const overcommit = { memory: 1, vcpus: 1, disk: 1 };
  const id = await runningInstance(host, { restart_policy: ON_FAILURE });
  const other = await runningInstance(host, { name: 'other' });
  await host.restart({ capacity: { memory_bytes, vcpus, disk_bytes: 8 * memory_bytes, overcommit } });
  await host.control.guestExit(id, 1);
  await host.clock.advance(20 * MINUTE);
  await send(host, other, { type: 'stop', by }, 10 * SECOND);
  await send(host, id, { type: 'stop', by }, 10 * SECOND);
  return id;
};

/** Programs of the host before stop and standby: one fails, one hangs, one is cut short, one is the daemon's last. */
const hooked: Scene = async (host) => {
  const hooks = hooksOfScenes();
  await host.restart({ hooks });
  const id = await runningInstance(host, { hooks: { before_stop: 'hang', before_standby: 'fail' } });
  await send(host, id, { type: 'standby', by }, 10 * SECOND);
  await send(host, id, { type: 'stop', by }, 2 * MINUTE);
  await send(host, id, { type: 'update', by, changes: { hooks: { before_stop: 'fail', before_standby: 'done' } } });
  await send(host, id, { type: 'start', by }, 10 * SECOND);
  await send(host, id, { type: 'standby', by }, 10 * SECOND);
  await send(host, id, { type: 'restore', by }, 10 * SECOND);
  await send(host, id, { type: 'restart', by }, 10 * SECOND);
  await send(host, id, { type: 'update', by, changes: { hooks: { before_stop: 'hang', before_standby: 'hang' } } });
  await send(host, id, { type: 'standby', by }, SECOND);
  await host.restart({ hooks });
  await host.clock.advance(10 * SECOND);
  await send(host, id, { type: 'stop', by }, SECOND);
  await send(host, id, { type: 'stop', by, force: true }, 10 * SECOND);
  return id;
};

/** `done` and `fail` answer at once, `hang` only when it is withdrawn. */
function hooksOfScenes(): Hooks {
  const run: Hooks['run'] = ({ hook }, { signal }) => {
    if (hook === 'done') return Promise.resolve({ outcome: 'done', result: null });
    const error = { code: 'hook_failed', message: 'it ended with 1' };
    if (hook === 'fail') return Promise.resolve({ outcome: 'failed', error });
    return new Promise((resolve) => {
      signal.addEventListener('abort', () =>
        resolve({ outcome: 'unknown', error: { ...error, message: 'cut short' } }),
      );
    });
  };
  return { run };
}

export const SCENES: Readonly<Record<string, Scene>> = {
  'boots-that-fail': bootsThatFail,
  'boots-too-slowly': bootsTooSlowly,
  'crashes-until-blocked': crashesUntilBlocked,
  'daemon-killed': daemonKilled,
  deleted,
  expires,
  'expires-for-good': expiresForGood,
  'falls-asleep': fallsAsleep,
  'forked-to-sleep': forkedToSleep,
  'grows-and-is-cancelled': growsAndIsCancelled,
  held,
  hooked,
  ignored,
  'kept-and-brought-back': keptAndBroughtBack,
  'not-woken': notWoken,
  'lost-and-found': lostAndFound,
  maintained,
  scheduled,
  sealed,
  'set-aside-while-deleted': setAsideWhileDeleted,
  'set-aside-while-waking': setAsideWhileWaking,
  stops,
  'stops-before-the-boot': stopsBeforeTheBoot,
  'turns-unhealthy': turnsUnhealthy,
  'wanted-while-put-away': wantedWhilePutAway,
  'unhealthy-too-soon': unhealthyTooSoon,
};
