import { describe, expect, it } from 'vitest';
import { definition } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed, ready, unknown } from './driver.ts';
import { leafOf } from './exploration.ts';

const by = 'ann';
const withdrawn = (run: number) => ({ type: 'effect.withdrawn', effect: 'test/1/0', kind: 'vmm.boot', run }) as const;

function spawning(): Driver {
  const driver = drive(definition());
  driver.send(0, done('instance.prepare', 0));
  return driver;
}

function running(): Driver {
  const driver = spawning();
  bootUp(driver, 0);
  return driver;
}

const leaf = (driver: Driver): string => leafOf(driver.snapshot());

describe('preparing', () => {
  it('a preparation whose outcome cannot be told is not repeated by itself; a start has it done again', () => {
    const driver = drive(definition());
    driver.send(0, unknown('instance.prepare', 0));
    expect([driver.lifecycle(), driver.effects('instance.prepare').length]).toEqual(['failed', 1]);
    driver.send(1, { type: 'start', by });
    expect([driver.lifecycle(), driver.effects('instance.prepare').length]).toEqual(['preparing', 2]);
  });
});

describe('a reboot nobody watched', () => {
  it('is told when the guest is found again, and the run goes on', () => {
    const driver = running();
    driver.send(10, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true, rebooted: true } });
    expect(driver.facts('guest.rebooted')).toMatchObject([{ run: 1 }]);
    expect(leaf(driver)).toBe('running');
  });
});

describe('booting', () => {
  it('a guest that is ready before its spawn has reported back runs as soon as that happens', () => {
    const driver = spawning();
    driver.send(10, ready(1));
    expect(leaf(driver)).toBe('booting.spawning');
    driver.send(20, done('vmm.boot', 1));
    expect(leaf(driver)).toBe('running');
  });

  it('a guest that is never ready is killed when its boot timeout has passed', () => {
    const driver = spawning();
    driver.send(10, done('vmm.boot', 1));
    driver.until(60_000);
    expect(leaf(driver)).toBe('stopping.killing');
    driver.send(60_100, exited(1, 0));
    expect(driver.facts('instance.ended')).toMatchObject([{ reason: 'boot_timeout', code: null, planned: false }]);
  });

  it('a boot whose result is unknown is looked for, never repeated', () => {
    const driver = spawning();
    driver.send(10, unknown('vmm.boot', 1));
    expect(leaf(driver)).toBe('lost');
    expect(driver.effects('vmm.inspect')).toHaveLength(1);
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });
});

describe('stopping', () => {
  it('a stop during a boot waits for its one result: withdrawn', () => {
    const driver = spawning();
    driver.send(10, { type: 'stop', by });
    expect(leaf(driver)).toBe('stopping.withdrawing');
    driver.send(20, withdrawn(1));
    expect(leaf(driver)).toBe('stopped');
  });

  it('a stop during a boot waits for its one result: done, so the run is ended', () => {
    const driver = spawning();
    driver.send(10, { type: 'stop', by });
    driver.send(20, done('vmm.boot', 1));
    expect(leaf(driver)).toBe('stopping.graceful');
    expect(driver.effects('vmm.shutdown')).toHaveLength(1);
  });

  it('a withdrawn boot that never answers is looked for', () => {
    const driver = spawning();
    driver.send(10, { type: 'stop', by });
    driver.until(30_010);
    expect(leaf(driver)).toBe('lost');
    driver.send(31_000, { type: 'vmm.found', run: 1, found: { reality: 'none' } });
    expect(leaf(driver)).toBe('stopped');
  });

  it('a guest that does not power off in time is killed, and one that cannot be killed is lost, not forgotten', () => {
    const driver = running();
    driver.send(1_000, { type: 'stop', by });
    driver.until(6_000);
    expect(leaf(driver)).toBe('stopping.killing');
    driver.until(36_000);
    expect(leaf(driver)).toBe('lost');
    driver.send(37_000, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true } });
    expect(leaf(driver)).toBe('stopping.killing');
  });

  it('a shutdown that fails or is unknown leads to a kill', () => {
    for (const result of [failed, unknown]) {
      const driver = running();
      driver.send(1_000, { type: 'stop', by });
      driver.send(1_100, result('vmm.shutdown', 1));
      expect(leaf(driver)).toBe('stopping.killing');
    }
  });

  it('a stop after a restart and before the end of the run is the last word', () => {
    const driver = running();
    driver.send(1_000, { type: 'restart', by });
    driver.send(1_100, { type: 'stop', by });
    driver.send(1_200, exited(1, 0));
    expect(leaf(driver)).toBe('stopped');
  });
});

describe('deleting', () => {
  it('a removal that fails is tried again at its interval', () => {
    const driver = running();
    driver.send(0, { type: 'delete', by });
    driver.send(100, exited(1, 0));
    driver.send(200, failed('instance.remove', 1));
    driver.until(30_100);
    expect(driver.effects('instance.remove')).toHaveLength(2);
  });

  it.each(['start', 'restart', 'restore', 'update'] as const)(
    '%s is refused once the end of the run is waited for',
    (type) => {
      const driver = running();
      driver.send(0, { type: 'delete', by });
      const command = type === 'update' ? ({ type, by, changes: {} } as const) : ({ type, by } as const);
      const { accepted } = driver.send(10, command);
      expect(accepted).toBe(type === 'update');
      driver.send(100, exited(1, 1));
      expect(leaf(driver)).toBe('deleting');
    },
  );

  it('a deletion goes on through a loss and a quarantine', () => {
    const driver = running();
    driver.send(0, { type: 'delete', by });
    driver.until(60_000);
    expect(leaf(driver)).toBe('lost');
    driver.send(60_100, { type: 'stop', by });
    driver.send(60_200, { type: 'instance.quarantined', error: 'a rule threw' });
    expect(driver.send(60_300, { type: 'start', by }).accepted).toBe(false);
    driver.send(60_400, { type: 'stop', by });
    driver.send(60_500, exited(1, null));
    expect(leaf(driver)).toBe('deleting');
  });

  it('nothing reaches a deleted instance', () => {
    const driver = drive(definition({ expiry: { expires_at: Number.MAX_SAFE_INTEGER, then: 'stop' } }));
    driver.send(10, { type: 'delete', by });
    driver.send(20, done('instance.remove', 0));
    expect(leaf(driver)).toBe('deleted');
    expect(driver.pending()).toEqual({});
    expect(driver.send(30, { type: 'instance.quarantined', error: 'x' }).accepted).toBe(false);
  });
});

describe('lost', () => {
  it('asks again at growing intervals and destroys nothing', () => {
    const driver = spawning();
    driver.send(0, unknown('vmm.boot', 1));
    driver.until(3_600_000);
    const asked = driver.effects('vmm.inspect').map(({ at }) => at);
    const gaps = asked.slice(1).map((at, index) => at - asked[index]!);
    expect(gaps.slice(0, 7)).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000]);
    expect(Math.max(...gaps)).toBe(300_000);
    expect(driver.effects('vmm.kill')).toEqual([]);
  });

  it('another run that is alive keeps everything waiting', () => {
    const driver = running();
    driver.send(10, { type: 'vmm.found', run: 1, found: { reality: 'other_run', run: 9 } });
    expect(leaf(driver)).toBe('lost');
    driver.send(20, { type: 'start', by });
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });
});

describe('quarantine', () => {
  it('leaves the VM alone, notes its end, and starts nothing by itself', () => {
    const driver = running();
    const step = driver.send(10, { type: 'instance.quarantined', error: 'a rule threw' });
    expect([step.effects, driver.pending()]).toEqual([[], {}]);
    driver.send(20, exited(1, 1));
    expect([leaf(driver), driver.effects('vmm.boot').length]).toEqual(['quarantined', 1]);
    driver.send(30, { type: 'start', by });
    expect(leaf(driver)).toBe('booting.spawning');
  });

  it('a start while the run lives looks at it first', () => {
    const driver = running();
    driver.send(10, { type: 'instance.quarantined', error: 'a rule threw' });
    driver.send(20, { type: 'start', by });
    expect(leaf(driver)).toBe('lost');
    driver.send(30, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true } });
    expect(leaf(driver)).toBe('running');
  });
});
