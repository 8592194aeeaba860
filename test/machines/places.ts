import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, unknown } from './driver.ts';

const AFTER_IDLING: readonly string[] = ['pausing.frozen', 'sealing'];

/** An instant right after an instance got to a place, offset in milliseconds. */
export const momentAt = (place: string): number => (AFTER_IDLING.includes(place) ? 30_001 : 1);

/** A way to every state of the lifecycle, for tables over all of them. Everything happens at 0, or after the idling. */

const IDLE_MS = 30_000;
const by = 'ann';

function created(): Driver {
  return drive(definition({ auto_standby: SLEEPY }));
}

/** The same under a definition that names programs of the host. */
function hooked(): Driver {
  const hooks = { before_stop: 'leave', before_standby: 'quiesce' };
  const driver = drive(definition({ auto_standby: SLEEPY, hooks }));
  bootUp(driver, 0);
  return driver;
}

function forked(): Driver {
  return drive(definition(), 'running', 0, 'generous', { instance: 'another', snapshot: 'kept' });
}

const WAKE = { type: 'schedule.due', schedule: 'wake', minute: START } as const;
const HELD = { type: 'host.held', run: 1, purpose: 'wake', reason: 'memory', retry_at: START + 60_000 } as const;

/** Under a schedule, on a host that answers nothing. */
function silentlyAsleep(): Driver {
  const schedules = { wake: { cron: '0 7 * * *', time_zone: 'UTC' } };
  const driver = drive(definition({ schedules }), 'running', 0, 'silent');
  bootUp(driver, 0);
  const events = [{ type: 'standby', by } as const, done('vmm.pause', 1), done('vmm.snapshot', 1), exited(1, null)];
  for (const event of events) driver.send(0, event);
  return driver;
}

function spawning(): Driver {
  const driver = created();
  driver.send(0, done('instance.prepare', 0));
  return driver;
}

function running(): Driver {
  const driver = spawning();
  bootUp(driver, 0);
  return driver;
}

function after(place: () => Driver, ...events: Parameters<Driver['send']>[1][]): () => Driver {
  return () => {
    const driver = place();
    for (const event of events) driver.send(place === idle ? IDLE_MS : 0, event);
    return driver;
  };
}

function idle(): Driver {
  const driver = running();
  driver.send(0, { type: 'traffic.idle', run: 1 });
  driver.send(IDLE_MS, { type: 'traffic.confirmed_idle', run: 1 });
  return driver;
}

const capturing = after(running, { type: 'create_snapshot', by, name: 'kept' });
const keeping = after(capturing, done('vmm.pause', 1), done('vmm.snapshot', 1), done('vmm.resume', 1));
const pausing = after(running, { type: 'standby', by });
const snapshotting = after(pausing, done('vmm.pause', 1));
const fallingAsleep = after(snapshotting, done('vmm.snapshot', 1));
const asleep = after(fallingAsleep, exited(1, null));
const graceful = after(running, { type: 'stop', by });
const deleting = after(running, { type: 'delete', by }, exited(1, 0));

export const PLACES: Readonly<Record<string, () => Driver>> = {
  preparing: created,
  forking: after(forked, done('instance.prepare', 0)),
  stopped: after(graceful, exited(1, 0)),
  failed: after(running, exited(1, 1)),
  'booting.spawning': spawning,
  'booting.awaiting_guest': after(spawning, done('vmm.boot', 1)),
  running,
  quiescing: after(hooked, { type: 'standby', by }),
  'pausing.freezing': pausing,
  'pausing.frozen': after(idle, done('vmm.pause', 1)),
  snapshotting,
  sealing: after(idle, done('vmm.pause', 1), { type: 'traffic.confirmed_idle', run: 1 }, done('vmm.snapshot', 1)),
  'capturing.freezing': capturing,
  'capturing.saving': after(capturing, done('vmm.pause', 1)),
  resuming: after(snapshotting, { type: 'start', by }),
  'standby.sleeping': asleep,
  'standby.copying': after(asleep, { type: 'create_snapshot', by, name: 'kept' }),
  'standby.waking.asking': after(silentlyAsleep, WAKE),
  'standby.waking.held': after(silentlyAsleep, WAKE, HELD),
  'restoring.taking_up': after(asleep, { type: 'restore', by }),
  'restoring.answering': after(asleep, { type: 'restore', by }, done('vmm.restore', 2)),
  reverting: after(keeping, { type: 'stop', by }, exited(1, 0), {
    type: 'restore_snapshot',
    by,
    name: 'kept',
    then: 'running',
  }),
  'stopping.withdrawing': after(spawning, { type: 'stop', by }),
  'stopping.before_stop': after(hooked, { type: 'stop', by }),
  'stopping.graceful': graceful,
  'stopping.graceful, then boot': after(running, { type: 'restart', by }),
  'stopping.killing': after(running, { type: 'stop', by, force: true }),
  'stopping.killing, then standby': fallingAsleep,
  lost: after(spawning, unknown('vmm.boot', 1)),
  'lost, ready before': after(running, { type: 'vmm.found', run: 1, found: { reality: 'unreachable', message: '' } }),
  'lost, stop pending': after(running, { type: 'stop', by, force: true }, unknown('vmm.kill', 1)),
  quarantined: after(running, { type: 'instance.quarantined', error: 'a rule threw' }),
  deleting,
  deleted: after(deleting, done('instance.remove', 1)),
};
