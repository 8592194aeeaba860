import { describe, expect, it } from 'vitest';
import { CHECK, definition, ON_FAILURE } from './definitions.ts';
import { bootUp, type Driver, drive, exited, failed } from './driver.ts';
import { comeBack, probe } from './probing.ts';

/**
 * The timelines that hypeman's behaviour is told by, without its poll: what it notices with its next tick is decided here
 * at the instant it happens. Offsets in milliseconds.
 */

const MAX = 'max_attempts_exceeded';
const by = 'ann';

describe('a guest that always ends one second after its boot, two attempts', () => {
  const loop = (backoff_ms: number): Driver => {
    const driver = drive(definition({ restart_policy: { ...ON_FAILURE, backoff_ms } }));
    bootUp(driver, 0);
    driver.send(0, exited(1, 1));
    return driver;
  };

  it('backoff 7 s: at once, seven seconds after that start, then blocked with the failure, and a start clears it all', () => {
    const driver = loop(7_000);
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0 });
    bootUp(driver, 0);
    driver.send(1_000, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 0, next_attempt_at: 7_000 });
    driver.until(7_000);
    bootUp(driver, 7_000);
    driver.send(8_000, exited(3, 1));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 7_000, blocked_reason: MAX });
    driver.send(60_000, { type: 'start', by });
    expect([driver.restart(), driver.lifecycle()]).toEqual([{}, 'booting']);
  });

  it('a backoff that is over when the run ends, to the millisecond, shows no next attempt', () => {
    const driver = loop(1_000);
    bootUp(driver, 0);
    driver.send(1_000, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 1_000 });
    bootUp(driver, 1_000);
    driver.send(2_000, exited(3, 1));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 1_000, blocked_reason: MAX });
    expect(driver.facts('restart.scheduled')).toEqual([]);
  });
});

describe('a start that fails itself', () => {
  const tried = (max_attempts: number): Driver => {
    const driver = drive(definition({ restart_policy: { ...ON_FAILURE, max_attempts } }));
    bootUp(driver, 0);
    driver.send(3_000, exited(1, 1));
    driver.send(3_000, failed('vmm.boot', 2));
    return driver;
  };

  it('attempt 1 of 2: the next one is due a backoff after it', () => {
    expect(tried(2).restart()).toEqual({ attempts: 1, last_attempt_at: 3_000, next_attempt_at: 10_000 });
  });

  it('attempt 2 of 2: blocked at once', () => {
    const driver = tried(2);
    driver.until(10_000);
    driver.send(10_100, failed('vmm.boot', 3));
    expect(driver.restart()).toEqual({ attempts: 2, last_attempt_at: 10_000, blocked_reason: MAX });
  });

  it('without a limit: attempt n is followed a backoff later, and never blocked', () => {
    const driver = tried(0);
    for (let attempt = 2; attempt <= 20; attempt += 1) {
      const at = 3_000 + 7_000 * (attempt - 1);
      driver.until(at);
      driver.send(at, failed('vmm.boot', attempt + 1));
      expect(driver.restart()).toEqual({ attempts: attempt, last_attempt_at: at, next_attempt_at: at + 7_000 });
    }
  });
});

describe('three attempts made, stable after 2 min, booted and ready at 0', () => {
  const STABLE_MS = 120_000;

  function third(max_attempts = 0): Driver {
    const driver = drive(
      definition({ restart_policy: { ...ON_FAILURE, backoff_ms: 1, max_attempts, stable_after_ms: STABLE_MS } }),
      'running',
      -10_000,
    );
    bootUp(driver, -10_000);
    for (const [run, at] of [
      [1, -9_000],
      [2, -8_000],
      [3, 0],
    ] as const) {
      driver.send(at, exited(run, 1));
      bootUp(driver, at);
    }
    expect(driver.restart()).toEqual({ attempts: 3, last_attempt_at: 0 });
    return driver;
  }

  it('1 min 59 s of running change nothing; at 2 min everything is cleared', () => {
    const driver = third();
    driver.until(STABLE_MS - 1_000);
    expect(driver.restart()).toEqual({ attempts: 3, last_attempt_at: 0 });
    driver.until(STABLE_MS);
    expect(driver.restart()).toEqual({});
  });

  it('down when the window would have closed, the end is judged with three attempts', () => {
    const driver = third(3);
    driver.send(STABLE_MS - 1, exited(4, 1));
    driver.until(2 * STABLE_MS);
    expect(driver.restart()).toEqual({ attempts: 3, last_attempt_at: 0, blocked_reason: MAX });
  });

  it('a stop within it clears the attempts, and its mark is not cleared by time', () => {
    const driver = third();
    driver.send(1_000, { type: 'stop', by });
    driver.send(2_000, exited(4, 0));
    driver.until(10 * STABLE_MS);
    expect(driver.restart()).toEqual({ blocked_reason: 'manual_stop' });
  });
});

describe('a check that can never pass: every 5 s, start period 10 s, two failures; one attempt, backoff 5 s', () => {
  it('one restart at the end of the start period, another start period, then blocked and left running', () => {
    const driver = drive(
      definition({
        restart_policy: { ...ON_FAILURE, backoff_ms: 5_000, max_attempts: 1 },
        health_check: CHECK,
      }),
    );
    bootUp(driver, 0);
    for (const at of [0, 5_000]) probe(driver, at, 'failed');
    expect(driver.lifecycle()).toBe('running');
    probe(driver, 10_000, 'failed');
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 10_000, last_reason: 'health_check_failed' });
    comeBack(driver, 11_000);
    for (const at of [11_000, 16_000, 20_999]) probe(driver, at, 'failed');
    expect(driver.region('health')).toBe('starting');
    probe(driver, 21_000, 'failed');
    expect(driver.restart()).toEqual({
      attempts: 1,
      last_attempt_at: 10_000,
      blocked_reason: MAX,
      last_reason: 'health_check_failed',
    });
    for (const at of [26_000, 31_000]) probe(driver, at, 'failed');
    expect([driver.lifecycle(), driver.effects('vmm.boot').length]).toEqual(['running', 2]);
  });

  it.each([
    ['never', null],
    ['manual stop', 'stop'],
  ])('%s: no verdict restarts', (_when, command) => {
    const driver = drive(
      definition({
        restart_policy: command === null ? null : ON_FAILURE,
        health_check: { ...CHECK, start_period_ms: 0 },
      }),
    );
    bootUp(driver, 0);
    if (command !== null) driver.send(1_000, { type: 'stop', by });
    for (const at of [5_000, 10_000, 15_000]) probe(driver, at, 'failed');
    driver.until(86_400_000);
    expect(driver.effects('vmm.boot')).toHaveLength(1);
  });
});
