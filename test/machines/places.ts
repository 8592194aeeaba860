import { definition, SLEEPY } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, unknown } from './driver.ts';

/** An instant right after an instance got to a place, offset in milliseconds. */
export const momentAt = (place: string): number => (place === 'pausing.frozen' ? 30_001 : 1);

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

const pausing = after(running, { type: 'standby', by });
const snapshotting = after(pausing, done('vmm.pause', 1));
const fallingAsleep = after(snapshotting, done('vmm.snapshot', 1));
const asleep = after(fallingAsleep, exited(1, null));
const graceful = after(running, { type: 'stop', by });
const deleting = after(running, { type: 'delete', by }, exited(1, 0));

export const PLACES: Readonly<Record<string, () => Driver>> = {
  preparing: created,
  stopped: after(graceful, exited(1, 0)),
  failed: after(running, exited(1, 1)),
  'booting.spawning': spawning,
  'booting.awaiting_guest': after(spawning, done('vmm.boot', 1)),
  running,
  quiescing: after(hooked, { type: 'standby', by }),
  'pausing.freezing': pausing,
  'pausing.frozen': after(idle, done('vmm.pause', 1)),
  snapshotting,
  resuming: after(snapshotting, { type: 'start', by }),
  standby: asleep,
  restoring: after(asleep, { type: 'restore', by }),
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
