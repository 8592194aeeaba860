import { describe, expect, it } from 'vitest';
import { CHECK, definition, ON_FAILURE, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, ready } from './driver.ts';

/** Somebody keeps all hands off an instance: nothing automatic happens to it until people set it to work again. */

const by = 'ann';
const boots = (driver: Driver) => driver.effects('vmm.boot').length;

function running(parts: Parameters<typeof definition>[0] = { restart_policy: ON_FAILURE }): Driver {
  const driver = drive(definition(parts));
  bootUp(driver, 0);
  return driver;
}

function unhealthy(driver: Driver, atMs: number, run = 1): void {
  const { revision } = driver.snapshot().context.health;
  for (const later of [0, 1]) {
    driver.send(atMs + later, { type: 'probe.failed', window: { run, revision }, error: 'refused' });
  }
}

describe('hands off', () => {
  it('leaves a running guest as it is, and nothing follows its end', () => {
    const driver = running();
    const step = driver.send(1_000, { type: 'ignore', by });
    expect([step.effects, driver.lifecycle()]).toEqual([[], 'running']);
    driver.send(2_000, exited(1, 1));
    driver.until(86_400_000);
    expect([driver.lifecycle(), boots(driver)]).toEqual(['failed', 1]);
    expect(driver.facts('instance.ended')).toHaveLength(1);
  });

  it('cancels the timers of automation', () => {
    const driver = running({
      restart_policy: ON_FAILURE,
      auto_standby: SLEEPY,
      expiry: { expires_at: START + 5_000_000, then: 'stop' },
    });
    driver.send(1_000, exited(1, 1));
    bootUp(driver, 1_100);
    driver.send(1_200, { type: 'traffic.idle', run: 2 });
    expect(Object.keys(driver.pending()).sort()).toEqual(['timer.expiry', 'timer.idle', 'timer.stable']);
    driver.send(2_000, { type: 'ignore', by });
    expect(driver.pending()).toEqual({});
  });

  it('a start of a running guest changes the intent and nothing else, and automation goes on', () => {
    const driver = running({ restart_policy: ON_FAILURE, expiry: { expires_at: START + 5_000_000, then: 'stop' } });
    driver.send(1_000, { type: 'ignore', by });
    const step = driver.send(2_000, { type: 'start', by });
    expect([step.effects, driver.lifecycle()]).toEqual([[], 'running']);
    expect(driver.pending()['timer.expiry']).toBe(5_000_000);
    driver.send(3_000, exited(1, 1));
    expect(driver.lifecycle()).toBe('booting');
  });

  it('a stop and a restart set the intent again', () => {
    for (const type of ['stop', 'restart'] as const) {
      const driver = running();
      driver.send(1_000, { type: 'ignore', by });
      driver.send(2_000, { type, by });
      expect(driver.lifecycle()).toBe('stopping');
      expect(driver.snapshot().context.intent.wanted).toBe(type === 'stop' ? 'stopped' : 'running');
    }
  });

  it('an unhealthy guest is judged when somebody sets it to work again', () => {
    const driver = running({ restart_policy: ON_FAILURE, health_check: CHECK });
    driver.send(10_000, { type: 'ignore', by });
    unhealthy(driver, 20_000);
    expect(driver.lifecycle()).toBe('running');
    driver.send(30_000, { type: 'start', by });
    expect(driver.facts('instance.stop_requested')).toMatchObject([{ cause: 'health', at: 30_000 }]);
  });

  it('a guest that boots slowly is left to it, however long', () => {
    const driver = drive(definition());
    driver.send(0, done('instance.prepare', 0));
    driver.send(0, done('vmm.boot', 1));
    driver.send(1_000, { type: 'ignore', by });
    driver.until(600_000);
    expect([driver.lifecycle(), driver.effects('vmm.kill')]).toEqual(['booting', []]);
    driver.send(600_001, ready(1));
    expect(driver.lifecycle()).toBe('running');
  });

  it('a guest that somebody paused by hand is not woken by a daemon that comes back', () => {
    const driver = running();
    driver.send(1_000, { type: 'ignore', by });
    expect(driver.send(2_000, { type: 'vmm.found', run: 1, found: { reality: 'paused' } }).accepted).toBe(false);
    expect(driver.effects('vmm.resume')).toEqual([]);
  });

  it('a guest on its way to sleep goes on running', () => {
    const driver = running();
    driver.send(1_000, { type: 'standby', by });
    driver.send(1_100, { type: 'ignore', by });
    expect(driver.lifecycle()).toBe('resuming');
    expect(driver.facts('standby.abandoned')).toMatchObject([{ cause: 'ignore' }]);
  });

  it('an end that is under way is seen through, and no restart follows it', () => {
    const driver = running();
    driver.send(1_000, { type: 'restart', by });
    driver.send(1_100, { type: 'ignore', by });
    driver.send(1_200, exited(1, 0));
    expect([driver.lifecycle(), boots(driver)]).toEqual(['stopped', 1]);
  });

  it('a sleeper keeps its memory, and wakes when it is restored', () => {
    const driver = running({ expiry: { expires_at: START + 5_000_000, then: 'stop' } });
    driver.send(1_000, { type: 'standby', by });
    driver.send(1_100, done('vmm.pause', 1));
    driver.send(1_200, done('vmm.snapshot', 1));
    driver.send(1_250, { type: 'ignore', by });
    driver.send(1_300, exited(1, null));
    expect([driver.lifecycle(), driver.region('expiry')]).toEqual(['standby', 'held']);
    driver.send(2_000, { type: 'restore', by });
    expect([driver.lifecycle(), driver.region('expiry')]).toEqual(['restoring', 'armed']);
  });

  it.each(['start', 'restart'] as const)('a spawn that never answered is withdrawn at the next %s', (type) => {
    const driver = drive(definition({ boot_timeout_ms: 10_000 }));
    driver.send(0, done('instance.prepare', 0));
    driver.send(1_000, { type: 'ignore', by });
    driver.until(20_000);
    expect([driver.lifecycle(), driver.effects('effect.withdraw')]).toEqual(['lost', []]);
    const step = driver.send(21_000, { type, by });
    expect(step.effects.map(({ kind }) => kind)).toEqual(['effect.withdraw', 'vmm.inspect']);
    driver.send(22_000, { type: 'vmm.found', run: 1, found: { reality: 'none' } });
    expect(driver.lifecycle()).toBe(type === 'start' ? 'failed' : 'booting');
  });

  describe('whose expiry passes meanwhile', () => {
    const passed = (): Driver => {
      const driver = running({ expiry: { expires_at: START + 10_000, then: 'delete' }, restart_policy: ON_FAILURE });
      driver.send(5_000, { type: 'ignore', by });
      driver.until(20_000);
      return driver;
    };

    it.each([
      ['moved', { expires_at: START + 60_000, then: 'delete' as const }],
      ['removed', null],
    ])('can still have it %s, and goes on by what it says then', (_how, expiry) => {
      const driver = passed();
      expect(driver.send(21_000, { type: 'update', by, changes: { expiry } }).accepted).toBe(true);
      driver.send(22_000, { type: 'start', by });
      driver.until(59_999);
      expect(driver.lifecycle()).toBe('running');
      driver.until(60_000);
      expect(driver.lifecycle()).toBe(expiry === null ? 'running' : 'stopping');
    });

    it('runs on when somebody starts it all the same, and nothing automatic follows', () => {
      const driver = passed();
      driver.send(22_000, { type: 'start', by });
      driver.until(30_000);
      expect([driver.lifecycle(), driver.region('expiry')]).toEqual(['running', 'due']);
      driver.send(31_000, exited(1, 1));
      driver.until(86_400_000);
      expect([driver.lifecycle(), boots(driver)]).toEqual(['failed', 1]);
    });

    it('meets it when somebody stops it', () => {
      const driver = passed();
      driver.send(22_000, { type: 'stop', by });
      driver.until(22_000);
      driver.send(22_500, exited(1, 0));
      expect(driver.lifecycle()).toBe('deleting');
    });

    it('on a host in maintenance runs on after a start, also when the host is back to normal', () => {
      const driver = running({ expiry: { expires_at: START + 10_000, then: 'delete' } });
      driver.send(5_000, { type: 'host.mode_changed', mode: 'maintenance' });
      driver.send(20_000, { type: 'start', by });
      driver.send(21_000, { type: 'host.mode_changed', mode: 'normal' });
      driver.until(30_000);
      expect([driver.lifecycle(), driver.region('expiry')]).toEqual(['running', 'due']);
    });
  });

  it('is refused for what is being deleted', () => {
    const driver = running();
    driver.send(1_000, { type: 'delete', by });
    expect(driver.send(1_100, { type: 'ignore', by }).accepted).toBe(false);
    driver.send(1_200, exited(1, 0));
    expect(driver.send(1_300, { type: 'ignore', by }).accepted).toBe(false);
  });
});
