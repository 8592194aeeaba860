import { describe, expect, it } from 'vitest';
import type { HostMode } from '../../machines/events.ts';
import { CHECK, definition, ON_FAILURE, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, ready } from './driver.ts';

/** Automation is held back by the mode of the host, and goes on when it is back to normal. */

const by = 'ann';
const mode = (to: HostMode) => ({ type: 'host.mode_changed', mode: to }) as const;
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

describe.each(['maintenance', 'draining'] as const)('a host in %s', (held) => {
  it('restarts nothing that ends, until it is back to normal: then at once, as an attempt like any other', () => {
    const driver = running();
    driver.send(1_000, mode(held));
    driver.send(2_000, exited(1, 1));
    driver.until(86_400_000);
    expect([driver.lifecycle(), driver.region('restart'), boots(driver)]).toEqual(['failed', 'idle', 1]);
    driver.send(86_400_001, mode('normal'));
    expect(driver.lifecycle()).toBe('booting');
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 86_400_001 });
  });

  it('stops the waiting for a backoff, and goes on with it where it would be by then', () => {
    const driver = running();
    driver.send(1_000, exited(1, 1));
    driver.send(1_100, done('vmm.boot', 2));
    driver.send(1_200, exited(2, 1));
    expect(driver.pending()['timer.backoff']).toBe(8_000);
    driver.send(2_000, mode(held));
    expect(driver.pending()).toEqual({});
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 1_000 });
    driver.send(3_000, mode('normal'));
    expect(driver.pending()['timer.backoff']).toBe(8_000);
    driver.send(4_000, mode(held));
    driver.send(60_000, mode('normal'));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 60_000 });
  });

  it('leaves a budget that was used up used up', () => {
    const driver = running({ restart_policy: { ...ON_FAILURE, max_attempts: 1 } });
    driver.send(1_000, exited(1, 1));
    driver.send(1_100, done('vmm.boot', 2));
    driver.send(1_200, mode(held));
    driver.send(1_300, exited(2, 1));
    driver.send(2_000, mode('normal'));
    expect(driver.region('restart')).toBe('exhausted');
    expect(boots(driver)).toBe(2);
  });

  it('restarts no unhealthy guest; back to normal its verdict is judged at once', () => {
    const driver = running({ restart_policy: ON_FAILURE, health_check: CHECK });
    driver.send(10_000, mode(held));
    unhealthy(driver, 20_000);
    expect([driver.lifecycle(), driver.region('health')]).toEqual(['running', 'unhealthy']);
    driver.send(30_000, mode('normal'));
    expect(driver.facts('instance.stop_requested')).toMatchObject([{ cause: 'health', at: 30_000 }]);
  });

  it('a guest that got well meanwhile is left alone when the host is back to normal', () => {
    const driver = running({ restart_policy: ON_FAILURE, health_check: CHECK });
    driver.send(10_000, mode(held));
    unhealthy(driver, 20_000);
    driver.send(25_000, { type: 'probe.passed', window: { run: 1, revision: 0 } });
    driver.send(30_000, mode('normal'));
    expect([driver.lifecycle(), driver.region('restart')]).toEqual(['running', 'idle']);
  });

  it('an unhealthy guest proves nothing: its window stays open however long it runs', () => {
    const driver = running({ restart_policy: ON_FAILURE, health_check: CHECK });
    driver.send(1_000, exited(1, 1));
    driver.send(1_100, done('vmm.boot', 2));
    driver.send(1_200, ready(2));
    driver.send(10_000, mode(held));
    unhealthy(driver, 20_000, 2);
    driver.until(86_400_000);
    expect(driver.restart()).toMatchObject({ attempts: 1 });
    driver.send(86_400_001, { type: 'probe.passed', window: { run: 2, revision: 0 } });
    expect(driver.region('restart')).toBe('probation');
  });

  it('an expiry that falls due does nothing, and is due at once when the host is back to normal', () => {
    const driver = running({ expiry: { expires_at: START + 5_000, then: 'stop' } });
    driver.send(1_000, mode(held));
    driver.until(60_000);
    expect(driver.lifecycle()).toBe('running');
    driver.send(61_000, mode('normal'));
    driver.until(61_000);
    expect(driver.lifecycle()).toBe('stopping');
    expect(driver.facts('expiry.due')).toMatchObject([{ at: 61_000 }]);
  });

  it('an expiry that is given meanwhile waits as well, and keeps its instant', () => {
    const driver = running({});
    driver.send(1_000, mode(held));
    driver.send(2_000, { type: 'update', by, changes: { expiry: { expires_at: START + 90_000, then: 'stop' } } });
    expect(driver.region('expiry')).toBe('held');
    driver.send(3_000, mode('normal'));
    expect(driver.pending()['timer.expiry']).toBe(90_000);
  });

  it('puts no guest to sleep, and lets one that is on its way there go', () => {
    const driver = running({ auto_standby: SLEEPY });
    driver.send(0, { type: 'traffic.idle', run: 1 });
    driver.send(30_000, { type: 'traffic.confirmed_idle', run: 1 });
    expect(driver.lifecycle()).toBe('pausing');
    driver.send(30_001, mode(held));
    expect(driver.lifecycle()).toBe('resuming');
    driver.send(30_002, done('vmm.resume', 1));
    expect(driver.send(30_003, { type: 'traffic.idle', run: 1 }).accepted).toBe(false);
    driver.send(40_000, mode('normal'));
    driver.send(40_001, { type: 'traffic.idle', run: 1 });
    expect(driver.pending()['timer.idle']).toBe(70_001);
  });

  it('a countdown ends when the host changes its mode', () => {
    const driver = running({ auto_standby: SLEEPY });
    driver.send(0, { type: 'traffic.idle', run: 1 });
    driver.send(10_000, mode(held));
    expect(driver.facts('standby.countdown_cancelled')).toMatchObject([{ cause: held }]);
    driver.until(86_400_000);
    expect(driver.effects('vmm.pause')).toEqual([]);
  });

  it('brings nothing back after a reboot, until it is back to normal: and that is no attempt', () => {
    const driver = running();
    driver.send(1_000, mode(held));
    driver.send(2_000, { ...exited(1, null), reason: 'host_reboot' } as never);
    driver.until(60_000);
    expect(boots(driver)).toBe(1);
    driver.send(60_001, mode('normal'));
    expect(driver.facts('instance.boot_requested')).toMatchObject([{ cause: 'create' }, { cause: 'host_reboot' }]);
    expect(driver.restart()).toEqual({});
  });

  it('does what people ask for: stop, start, restart, standby and restore', () => {
    const driver = running();
    driver.send(1_000, mode(held));
    driver.send(2_000, { type: 'restart', by });
    driver.send(2_100, exited(1, 0));
    expect(boots(driver)).toBe(2);
    bootUp(driver, 2_200);
    driver.send(3_000, { type: 'standby', by });
    driver.send(3_100, done('vmm.pause', 2));
    driver.send(3_200, done('vmm.snapshot', 2));
    driver.send(3_300, exited(2, null));
    driver.send(4_000, { type: 'restore', by });
    expect(driver.lifecycle()).toBe('restoring');
    driver.send(4_100, done('vmm.restore', 3));
    driver.send(5_000, { type: 'stop', by });
    driver.send(5_100, exited(3, 0));
    driver.send(6_000, { type: 'start', by });
    expect(boots(driver)).toBe(3);
  });

  it('a restart of an unhealthy guest that has begun is seen through', () => {
    const driver = running({ restart_policy: ON_FAILURE, health_check: CHECK });
    unhealthy(driver, 20_000);
    expect(driver.lifecycle()).toBe('stopping');
    driver.send(20_100, mode(held));
    driver.send(20_200, exited(1, 0));
    expect(driver.lifecycle()).toBe('booting');
  });

  it('a mode that is told twice is recorded once', () => {
    const driver = running();
    expect(driver.send(1_000, mode(held)).accepted).toBe(true);
    expect(driver.send(1_001, mode(held)).accepted).toBe(false);
  });

  it('is noted in quarantine, and nothing follows from it there', () => {
    const driver = running();
    driver.send(1_000, { type: 'instance.quarantined', error: 'a rule threw' });
    driver.send(2_000, exited(1, 1));
    driver.send(3_000, mode(held));
    driver.send(4_000, mode('normal'));
    expect([driver.lifecycle(), driver.region('restart'), boots(driver)]).toEqual(['quarantined', 'idle', 1]);
  });
});
