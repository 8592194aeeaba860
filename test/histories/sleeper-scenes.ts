import type { Hooks } from '../../src/actors/contracts/hooks.ts';
import { scriptedActivity } from '../actors/scripted-activity.ts';
import { definition, OPERATOR, runningInstance, type SimulatedHost } from '../actors/simulated-host.ts';
import { BRIDGED, bridge } from '../actors/tracked-host.ts';

/** Scenes of guests between waking and sleeping: where a daemon that ends leaves the most to be told apart. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const by = OPERATOR.actor;

/** Idle, and a program of the host goes first: called back by a client at the last look, and then put away. */
export async function sealed(host: SimulatedHost): Promise<string> {
  const activity = scriptedActivity();
  const hooks: Hooks = { run: async () => ({ outcome: 'done', result: null }) };
  await host.restart({ activity, hooks, ...bridge() });
  const id = await runningInstance(host, {
    restart_policy: null,
    network: BRIDGED,
    hooks: { before_standby: 'quiesce' },
    auto_standby: { enabled: true, idle_timeout_ms: MINUTE },
  });
  const idle = { observer: 'in_order', connections: 0, since: host.clock.now() } as const;
  let looks = 0;
  activity.table.read = async () => ({ ...idle, connections: ++looks === 3 ? 1 : 0 });
  activity.say(id, idle);
  await host.clock.advance(2 * MINUTE);
  activity.say(id, { ...idle, connections: 1 });
  await host.clock.advance(10 * SECOND);
  activity.say(id, { ...idle, since: host.clock.now() });
  await host.clock.advance(2 * MINUTE);
  return id;
}

/** A rule throws while a guest is taken up from its snapshot; somebody starts it later. */
export async function setAsideWhileWaking(host: SimulatedHost): Promise<string> {
  const id = await runningInstance(host, { restart_policy: null });
  await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
  await host.clock.advance(30 * SECOND);
  await host.control.setFault(id, 'restore', { slow: 20 * SECOND }, 1);
  await host.supervisor.command(id, { type: 'restore', by }, OPERATOR);
  await host.clock.advance(5 * SECOND);
  host.supervisor.observe(id, { type: 'instance.quarantined', error: 'a rule threw' });
  await host.clock.advance(MINUTE);
  await host.supervisor.command(id, { type: 'start', by }, OPERATOR);
  await host.clock.advance(MINUTE);
  return id;
}

/** Wanted up again when its memory is on disk and its VMM is being ended. */
export async function wantedWhilePutAway(host: SimulatedHost): Promise<string> {
  const id = await runningInstance(host, { restart_policy: null });
  await host.control.setFault(id, 'kill', { slow: 10 * SECOND }, 1);
  await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
  await host.clock.advance(5 * SECOND);
  await host.supervisor.command(id, { type: 'restore', by }, OPERATOR);
  await host.clock.advance(MINUTE);
  return id;
}

/** A fork that is to sleep from its first day, and is woken later. */
export async function forkedToSleep(host: SimulatedHost): Promise<string> {
  const instance = await runningInstance(host, { restart_policy: null });
  await host.supervisor.command(instance, { type: 'create_snapshot', by, name: 'kept' }, OPERATOR);
  await host.clock.advance(30 * SECOND);
  const from = { instance, snapshot: 'kept' };
  const { id } = await host.supervisor.create(definition({ name: 'copy' }), 'stopped', OPERATOR, from);
  await host.clock.advance(MINUTE);
  await host.supervisor.command(id, { type: 'restore', by }, OPERATOR);
  await host.clock.advance(MINUTE);
  return id;
}

/** A rule throws while a deletion waits for the guest: nothing but its going on is accepted any more. */
export async function setAsideWhileDeleted(host: SimulatedHost): Promise<string> {
  const id = await runningInstance(host, { restart_policy: null });
  await host.control.setShutdown(id, { ignored: true });
  await host.supervisor.command(id, { type: 'delete', by }, OPERATOR);
  await host.clock.advance(SECOND);
  host.supervisor.observe(id, { type: 'instance.quarantined', error: 'a rule threw' });
  await host.clock.advance(MINUTE);
  await host.supervisor.command(id, { type: 'delete', by }, OPERATOR);
  await host.clock.advance(MINUTE);
  return id;
}
