import { describe, expect, it } from 'vitest';
import { definition, SLEEPY, START } from './definitions.ts';
import { bootUp, type Driver, done, drive, exited, failed, unknown } from './driver.ts';

/** Programs of the host before a stop and before standby. */

const by = 'ann';
const HOOKS = { before_stop: 'leave', before_standby: 'quiesce' };

function running(parts: Parameters<typeof definition>[0] = {}): Driver {
  const driver = drive(definition({ hooks: HOOKS, ...parts }));
  bootUp(driver, 0);
  return driver;
}

const hooksAsked = (driver: Driver) => driver.effects('hook.run').map((effect) => ({ ...effect, at: undefined }));
const endings = (driver: Driver) =>
  driver.facts('hook.ended').map((fact) => (fact.type === 'hook.ended' ? [fact.moment, fact.outcome] : []));

describe('before a stop', () => {
  it('the program goes first, and the guest is asked when it is done', () => {
    const driver = running();
    driver.send(1_000, { type: 'stop', by });
    expect(hooksAsked(driver)).toMatchObject([{ run: 1, hook: 'leave', moment: 'before_stop' }]);
    expect(driver.effects('vmm.shutdown')).toEqual([]);
    driver.send(2_000, done('hook.run', 1));
    expect(driver.effects('vmm.shutdown')).toHaveLength(1);
    expect(driver.pending()['timer.stop_deadline']).toBe(7_000);
    expect(endings(driver)).toEqual([['before_stop', 'done']]);
  });

  it.each([
    ['failed', failed('hook.run', 1), 'failed'],
    ['unknown', unknown('hook.run', 1), 'unknown'],
  ] as const)('a program that is %s keeps no stop away', (_what, event, outcome) => {
    const driver = running();
    driver.send(1_000, { type: 'stop', by });
    driver.send(2_000, event);
    expect(driver.effects('vmm.shutdown')).toHaveLength(1);
    expect(endings(driver)).toEqual([['before_stop', outcome]]);
  });

  it('a program that takes too long is withdrawn, and the stop goes on', () => {
    const driver = running();
    driver.send(1_000, { type: 'stop', by });
    driver.until(31_000);
    expect(driver.effects('effect.withdraw')).toHaveLength(1);
    expect(driver.effects('vmm.shutdown')).toHaveLength(1);
    expect(endings(driver)).toEqual([['before_stop', 'timed_out']]);
  });

  it('a program whose daemon died is not run again: the stop goes on', () => {
    const driver = running();
    driver.send(1_000, { type: 'stop', by });
    driver.send(2_000, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true } });
    expect(driver.effects('hook.run')).toHaveLength(1);
    expect(driver.effects('vmm.shutdown')).toHaveLength(1);
    expect(endings(driver)).toEqual([['before_stop', 'unknown']]);
  });

  it('force skips it, and cuts it short', () => {
    const forced = running();
    forced.send(1_000, { type: 'stop', by, force: true });
    expect([hooksAsked(forced), forced.effects('vmm.kill').length]).toEqual([[], 1]);
    const hastened = running();
    hastened.send(1_000, { type: 'stop', by });
    hastened.send(1_500, { type: 'stop', by, force: true });
    expect(hastened.effects('vmm.kill')).toHaveLength(1);
    expect(hastened.effects('effect.withdraw').length).toBeGreaterThan(0);
    expect(endings(hastened)).toEqual([['before_stop', 'withdrawn']]);
  });

  it('a boot that is withdrawn has no guest to leave', () => {
    const driver = drive(definition({ hooks: HOOKS }));
    driver.send(0, done('instance.prepare', 0));
    driver.send(1_000, { type: 'stop', by });
    driver.send(2_000, done('vmm.boot', 1));
    expect([driver.lifecycle(), hooksAsked(driver)]).toEqual(['stopping', []]);
  });

  it.each([
    ['a restart', { type: 'restart', by }],
    ['a deletion', { type: 'delete', by }],
  ] as const)('%s begins with it too', (_what, event) => {
    const driver = running();
    driver.send(1_000, event);
    expect(hooksAsked(driver)).toMatchObject([{ moment: 'before_stop' }]);
  });

  it('so does an expiry', () => {
    const driver = running({ expiry: { expires_at: START + 5_000, then: 'stop' } });
    driver.until(5_000);
    expect(hooksAsked(driver)).toMatchObject([{ moment: 'before_stop' }]);
  });

  it('a guest that ends meanwhile is at rest, and the program is cut short', () => {
    const driver = running();
    driver.send(1_000, { type: 'stop', by });
    driver.send(1_500, exited(1, 0));
    expect(driver.lifecycle()).toBe('stopped');
    expect(endings(driver)).toEqual([['before_stop', 'withdrawn']]);
    expect(driver.send(1_600, done('hook.run', 1)).accepted).toBe(false);
  });

  it('a start meanwhile boots again after the end of the run', () => {
    const driver = running();
    driver.send(1_000, { type: 'stop', by });
    driver.send(1_100, { type: 'start', by });
    driver.send(1_200, done('hook.run', 1));
    driver.send(1_300, exited(1, 0));
    expect(driver.effects('vmm.boot')).toHaveLength(2);
  });

  it('without a name nothing is asked', () => {
    const driver = running({ hooks: { before_standby: 'quiesce' } });
    driver.send(1_000, { type: 'stop', by });
    expect([hooksAsked(driver), driver.effects('vmm.shutdown').length]).toEqual([[], 1]);
  });

  it('an update changes which program it is', () => {
    const driver = running();
    driver.send(1_000, { type: 'update', by, changes: { hooks: { before_stop: 'other' } } });
    driver.send(2_000, { type: 'stop', by });
    expect(hooksAsked(driver)).toMatchObject([{ hook: 'other' }]);
  });
});

describe('before standby', () => {
  const asleepWanted = (): Driver => {
    const driver = running();
    driver.send(1_000, { type: 'standby', by });
    return driver;
  };

  it('the program goes before the pause', () => {
    const driver = asleepWanted();
    expect(hooksAsked(driver)).toMatchObject([{ hook: 'quiesce', moment: 'before_standby' }]);
    expect(driver.effects('vmm.pause')).toEqual([]);
    driver.send(2_000, done('hook.run', 1));
    expect(driver.effects('vmm.pause')).toHaveLength(1);
  });

  it.each([
    ['failed', failed('hook.run', 1)],
    ['unknown', unknown('hook.run', 1)],
  ] as const)('a program that is %s keeps the guest awake', (outcome, event) => {
    const driver = asleepWanted();
    driver.send(2_000, event);
    expect([driver.lifecycle(), driver.effects('vmm.pause')]).toEqual(['running', []]);
    expect(driver.facts('standby.abandoned')).toMatchObject([{ cause: `hook ${outcome}` }]);
  });

  it('so does one that takes too long', () => {
    const driver = asleepWanted();
    driver.until(31_000);
    expect([driver.lifecycle(), endings(driver)]).toEqual(['running', [['before_standby', 'timed_out']]]);
    expect(driver.effects('effect.withdraw')).toHaveLength(1);
  });

  it('so does one whose daemon died', () => {
    const driver = asleepWanted();
    driver.send(2_000, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true } });
    expect([driver.lifecycle(), endings(driver)]).toEqual(['running', [['before_standby', 'unknown']]]);
  });

  it('an idle guest is watched on when its program failed, and sleeps after another whole idle time', () => {
    const driver = running({ auto_standby: SLEEPY });
    driver.send(0, { type: 'traffic.idle', run: 1 });
    driver.send(30_000, { type: 'traffic.confirmed_idle', run: 1 });
    expect(driver.lifecycle()).toBe('quiescing');
    driver.send(30_100, failed('hook.run', 1));
    expect(driver.region('standby')).toBe('active');
    driver.send(30_200, { type: 'traffic.idle', run: 1 });
    expect(driver.pending()['timer.idle']).toBe(60_200);
  });

  it('traffic meanwhile keeps an idle guest awake, and the program is cut short', () => {
    const driver = running({ auto_standby: SLEEPY });
    driver.send(0, { type: 'traffic.idle', run: 1 });
    driver.send(30_000, { type: 'traffic.confirmed_idle', run: 1 });
    driver.send(30_100, { type: 'traffic.active', run: 1, connections: 1 });
    expect([driver.lifecycle(), endings(driver)]).toEqual(['running', [['before_standby', 'withdrawn']]]);
  });

  it('a stop meanwhile ends the one and begins the other', () => {
    const driver = asleepWanted();
    driver.send(2_000, { type: 'stop', by });
    expect(endings(driver)).toEqual([['before_standby', 'withdrawn']]);
    expect(hooksAsked(driver)).toMatchObject([{ moment: 'before_standby' }, { moment: 'before_stop' }]);
  });

  it.each([
    ['done', done('hook.run', 1, 1)],
    ['unknown', unknown('hook.run', 1, 1)],
  ])('its late word (%s) is not that of the program before the stop', (_what, late) => {
    const driver = asleepWanted();
    driver.send(2_000, { type: 'stop', by });
    expect(driver.send(2_100, late).accepted).toBe(false);
    expect(driver.effects('vmm.shutdown')).toEqual([]);
    driver.send(2_200, done('hook.run', 1, 2));
    expect(driver.effects('vmm.shutdown')).toHaveLength(1);
    expect(endings(driver)).toEqual([
      ['before_standby', 'withdrawn'],
      ['before_stop', 'done'],
    ]);
  });

  it('the late word of one that was cut short puts nobody to sleep who is asked anew', () => {
    const driver = asleepWanted();
    driver.send(2_000, { type: 'start', by });
    driver.send(2_100, { type: 'standby', by });
    expect(driver.send(2_200, done('hook.run', 1, 1)).accepted).toBe(false);
    expect([driver.lifecycle(), driver.effects('vmm.pause')]).toEqual(['quiescing', []]);
    driver.send(2_300, done('hook.run', 1, 2));
    expect(driver.effects('vmm.pause')).toHaveLength(1);
  });
});
