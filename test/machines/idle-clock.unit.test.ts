import { describe, expect, it } from 'vitest';
import { holdsStandbySlot } from '../../machines/occupancy.ts';
import { whyAwake } from '../../machines/wakefulness.ts';
import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited } from './driver.ts';
import { PLACES } from './places.ts';

/** Since when a guest is idle, whose turn it is to be put away, and what keeps it awake. Idle timeout: 30 s. */

const by = 'ann';
const RUN = 1;
const active = { type: 'traffic.active', run: RUN, connections: 1 } as const;
const idle = (sinceMs: number) => ({ type: 'traffic.idle', run: RUN, since: START + sinceMs }) as const;
const idleSince = (driver: Driver): number => (driver.snapshot().context.standby.idle_since ?? Number.NaN) - START;

function running(bootedAtMs = 0): Driver {
  const driver = drive(definition({ auto_standby: SLEEPY }), 'running', 0, 'silent');
  bootUp(driver, bootedAtMs);
  return driver;
}

describe('since when a guest is idle', () => {
  it('is what the source of traffic knows, although it may tell later', () => {
    const driver = running();
    driver.send(1_000, active);
    driver.send(15_000, idle(10_000));
    expect([idleSince(driver), driver.pending()]).toEqual([10_000, { 'timer.idle': 40_000 }]);
  });

  it('is never before the guest was ready', () => {
    const driver = running(20_000);
    driver.send(21_000, idle(3_000));
    expect(idleSince(driver)).toBe(20_000);
  });

  it('is never before the last connection, whatever the clock of the source says', () => {
    const driver = running();
    driver.send(0, idle(0));
    driver.send(20_000, active);
    driver.send(21_000, idle(10_000));
    expect(idleSince(driver)).toBe(20_000);
  });

  it('is never in the future, whatever a clock that was set back says', () => {
    const driver = running();
    driver.send(1_000, idle(86_400_000));
    expect([idleSince(driver), driver.pending()]).toEqual([1_000, { 'timer.idle': 31_000 }]);
  });

  it('begins anew when the guest was paused', () => {
    const driver = running();
    driver.send(5_000, { type: 'create_snapshot', by, name: 'kept' });
    for (const kind of ['vmm.pause', 'vmm.snapshot', 'vmm.resume'] as const) driver.send(9_000, done(kind, RUN));
    driver.send(9_500, idle(0));
    expect(idleSince(driver)).toBe(9_000);
  });

  it('under a shorter timeout may be long enough at once', () => {
    const driver = running();
    driver.send(0, idle(0));
    driver.send(20_000, { type: 'update', by, changes: { auto_standby: { ...SLEEPY, idle_timeout_ms: 5_000 } } });
    driver.send(20_000, idle(0));
    driver.until(20_000);
    expect(driver.region('standby')).toBe('queued');
  });
});

describe('a clock that is set', () => {
  it('forward makes the countdown end early, and the table keeps a guest with a client awake', () => {
    const driver = running();
    driver.send(0, idle(0));
    driver.send(7 * 86_400_000, { type: 'host.granted', run: RUN, purpose: 'standby' });
    expect(driver.region('standby')).toBe('confirming');
    driver.send(7 * 86_400_000 + 1, active);
    expect([driver.region('standby'), driver.effects('vmm.pause')]).toEqual(['active', []]);
  });

  it('back, with the next word of the source, counts the timeout from then and no longer', () => {
    const driver = running();
    driver.send(10_000, active);
    driver.send(11_000, idle(3_600_000));
    expect(driver.pending()).toEqual({ 'timer.idle': 41_000 });
  });
});

describe('a turn to be put away', () => {
  const held = {
    type: 'host.held',
    run: RUN,
    purpose: 'standby',
    reason: 'standby_slots',
    retry_at: START + 90_000,
  } as const;
  const granted = { type: 'host.granted', run: RUN, purpose: 'standby' } as const;

  function due(): Driver {
    const driver = running();
    driver.send(0, idle(0));
    driver.until(30_000);
    return driver;
  }

  it('is asked for when the guest has been idle for long enough, and nothing is read before it is given', () => {
    const driver = due();
    expect(driver.effects('host.admit')).toMatchObject([{ run: RUN, purpose: 'standby', at: 30_000 }]);
    expect(driver.effects('traffic.confirm')).toEqual([]);
    driver.send(31_000, granted);
    expect(driver.effects('traffic.confirm')).toHaveLength(1);
  });

  it('whoever is held keeps its place, and asks again', () => {
    const driver = due();
    driver.send(31_000, held);
    const slot = { since: START + 30_000, reason: 'standby_slots', retry_at: START + 90_000 };
    expect([driver.snapshot().context.standby.slot, driver.facts('host.held').length]).toEqual([slot, 1]);
    driver.until(90_000);
    expect(driver.snapshot().context.standby.slot).toEqual({ ...slot, reason: null, retry_at: null });
    expect(driver.effects('host.admit')).toHaveLength(2);
  });

  it('an answer that does not come is asked for again, also after the daemon was killed', () => {
    const driver = due();
    driver.until(60_000);
    expect(driver.effects('host.admit')).toHaveLength(2);
    driver.send(61_000, { type: 'vmm.found', run: RUN, found: { reality: 'running', ready: true } });
    expect(driver.effects('host.admit')).toHaveLength(3);
  });

  it('a grant that comes too late is nobody’s', () => {
    const driver = due();
    driver.send(31_000, active);
    expect(driver.snapshot().context.standby.slot).toBeNull();
    expect(driver.send(31_100, granted).accepted).toBe(false);
  });

  it('is taken from the grant until the guest sleeps, and by every other way into standby', () => {
    const driver = due();
    expect(holdsStandbySlot(driver.snapshot())).toBe(false);
    driver.send(31_000, granted);
    expect(holdsStandbySlot(driver.snapshot())).toBe(true);
    driver.send(31_100, active);
    expect(holdsStandbySlot(driver.snapshot())).toBe(false);
    const taken = Object.keys(PLACES).filter((place) => holdsStandbySlot(PLACES[place]!().snapshot()));
    expect(taken).toEqual([
      'quiescing',
      'pausing.freezing',
      'pausing.frozen',
      'snapshotting',
      'sealing',
      'capturing.freezing',
      'capturing.saving',
      'standby.copying',
      'stopping.killing, then standby',
    ]);
  });
});

describe('what keeps a guest awake', () => {
  const why = (driver: Driver, atMs: number) => {
    const snapshot = driver.snapshot();
    return whyAwake(snapshot, snapshot.context.definition!, START + atMs);
  };

  it('is told from the record alone, at any instant until the next one', () => {
    const driver = running();
    expect(why(driver, 0)).toBe('connection');
    driver.send(0, idle(0));
    driver.send(1_000, { type: 'hold', by, until: START + 90_000 });
    expect([why(driver, 1_000), why(driver, 29_999), why(driver, 30_000)]).toEqual(['countdown', 'countdown', 'hold']);
    driver.until(90_000);
    expect(why(driver, 90_000)).toBe('queued');
    driver.send(91_000, { type: 'observer.lost', error: 'overrun' });
    expect(why(driver, 91_000)).toBe('observer_blind');
    driver.send(92_000, exited(RUN, 1));
    expect(why(driver, 92_000)).toBeNull();
  });
});
