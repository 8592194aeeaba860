import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import type { Deed, Send, Slot } from './load-driver.ts';

/** What clients, guests and fates do to simulated instances during a crash run. */

/** Short, so that timers of every kind fire often. */
const STOP_TIMEOUT = '200ms';
const POLICIES = [
  { policy: 'always', backoff: '60ms', max_attempts: 0, stable_after: '60ms' },
  { policy: 'on_failure', backoff: '80ms', max_attempts: 3, stable_after: '80ms' },
  { policy: 'never' },
  { policy: 'always', backoff: '50ms', max_attempts: 2, stable_after: '1h' },
];
const SLOW_BOOT_MS = 80;
/** One failed probe is enough for a restart, so that it comes while the guest is sick. */
const HEALTH_CHECK = {
  ...{ type: 'tcp', tcp: { port: 80 } },
  ...{ interval: '100ms', timeout: '100ms', start_period: '1ms', failure_threshold: 1, success_threshold: 1 },
};
const SICK_MS = 600;
const AUTO_STANDBY = { enabled: true, idle_timeout: '100ms' };
const FIRST_CLIENT_PORT = 50_000;

export function controlWorldOf(directory: string): SimulatorControl {
  return controlSimulator({ world: { directory, program: worldProgram }, clock: systemClock() });
}

/** A fate that finds nobody to befall is no failure of the run; a dead world is seen by the checker. */
async function befall(deed: Promise<void>): Promise<void> {
  await deed.catch(() => {});
}

const path = (slot: Slot, verb = ''): string => `/v1/instances/${slot.id}${verb === '' ? '' : `/${verb}`}`;

const command =
  (verb: string, body?: unknown): Deed['act'] =>
  async (slot, send) => {
    await send(verb, slot.id, { method: 'POST', path: path(slot, verb), body });
  };

async function remove(slot: Slot, send: Send): Promise<void> {
  if (slot.taken) return;
  slot.taken = true;
  await send('delete', slot.id, { method: 'DELETE', path: path(slot) });
  slot.id = null;
  slot.taken = false;
}

/** Everything the chart has a rule for and a client or a guest can set off. */
export function everyDeed(world: SimulatorControl): Deed[] {
  const fate = (weight: number, act: (id: string) => Promise<void>): Deed => ({
    weight,
    act: ({ id }) => (id === null ? Promise.resolve() : befall(act(id))),
  });
  return [
    { weight: 6, act: command('start') },
    { weight: 4, act: command('stop') },
    { weight: 1, act: command('stop', { force: true }) },
    { weight: 3, act: command('restart') },
    { weight: 2, act: remove },
    {
      weight: 2,
      act: async (slot, send) => {
        const restart_policy = POLICIES[slot.index % POLICIES.length];
        await send('update', slot.id, { method: 'PATCH', path: path(slot), body: { restart_policy } });
      },
    },
    fate(6, (id) => world.guestExit(id, 1)),
    fate(1, (id) => world.guestExit(id, 0)),
    fate(2, (id) => world.sigkill(id)),
    fate(2, (id) => world.reboot(id)),
    fate(1, (id) => world.vanish(id)),
    fate(6, async (id) => {
      await world.setProbe(id, 'fail');
      await systemClock().sleep(SICK_MS);
      await world.setProbe(id, 'pass');
    }),
    fate(2, (id) => world.setFault(id, 'boot', { slow: SLOW_BOOT_MS }, 1)),
    fate(1, (id) => world.setFault(id, 'boot', 'fail', 1)),
    fate(1, (id) => world.setFault(id, 'shutdown', 'fail', 1)),
  ];
}

/** What sends guests to sleep and wakes them, besides idleness. */
export function sleepDeeds(world: SimulatorControl): Deed[] {
  const traffic = (change: (index: number) => Parameters<SimulatorControl['traffic']>[1]): Deed['act'] => {
    return ({ id, index }) => (id === null ? Promise.resolve() : befall(world.traffic(id, change(index))));
  };
  const client = (index: number): string => `203.0.113.7:${FIRST_CLIENT_PORT + index}->80`;
  return [
    { weight: 8, act: command('standby') },
    { weight: 8, act: command('restore') },
    { weight: 6, act: traffic((index) => ({ open: client(index) })) },
    { weight: 8, act: traffic((index) => ({ close: client(index) })) },
  ];
}

/** Commands, and guests that end now and then: what many instances do under a high rate of commands. */
export function commandsMostly(world: SimulatorControl): Deed[] {
  return [
    { weight: 40, act: command('start') },
    { weight: 30, act: command('stop', { force: true }) },
    { weight: 10, act: command('stop') },
    { weight: 10, act: command('restart') },
    { weight: 2, act: remove },
    { weight: 8, act: ({ id }) => (id === null ? Promise.resolve() : befall(world.guestExit(id, 1))) },
  ];
}

/** Policies in turn; every other guest does not listen when it is asked to shut down. `probed`: half of them are. `sleeping`: all may. */
export function createSimulated(world: SimulatorControl, { probed = false, sleeping = false } = {}) {
  return async (slot: Slot, serial: number, send: Send): Promise<string | null> => {
    const body = {
      name: `vm-${serial}`,
      image: 'sim-crash',
      size: '64MB',
      stop_timeout: STOP_TIMEOUT,
      restart_policy: POLICIES[serial % POLICIES.length],
      ...(probed && serial % 2 === 0 ? { health_check: HEALTH_CHECK } : {}),
      ...(sleeping ? { auto_standby: AUTO_STANDBY } : {}),
    };
    const id = await send('create', null, { method: 'POST', path: '/v1/instances', body });
    if (id !== null && slot.index % 2 === 0) await befall(world.setShutdown(id, { ignored: true }));
    return id;
  };
}

/** Guests are ready soon, so that much happens in little time. */
export async function hurryGuests(world: SimulatorControl): Promise<void> {
  await world.setBootDuration('*', 40);
  await world.setShutdown('*', { ms: 30 });
}
