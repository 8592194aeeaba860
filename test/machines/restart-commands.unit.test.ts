import { describe, expect, it } from 'vitest';
import { acceptedCommands, refusalReason } from '../../machines/accepted-commands.ts';
import { definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, drive, exited, ready } from './driver.ts';
import { asking, exhausted, GATED, held, inBackoff, SENSITIVE, unhealthy } from './pending-restarts.ts';
import { comeBack, probe } from './probing.ts';

/** `cancel_restart` and `reset_restart`. Offsets in milliseconds; backoff 7 s, two attempts. */

const by = 'ann';
const DAY_MS = 86_400_000;

const accepts = (driver: Driver, atMs: number): readonly string[] => acceptedCommands(driver.snapshot(), START + atMs);

describe('cancelling a restart', () => {
  it.each([
    ['the backoff after an end', inBackoff, { attempt: 2, cause: 'exit' }],
    ['the backoff of an unhealthy guest', unhealthy, { attempt: 2, cause: 'health' }],
    ['the stability period', () => unhealthy(GATED), { attempt: 2, cause: 'health' }],
    ['the question to the host', asking, { attempt: 1, cause: 'exit' }],
    ['its answer that there is no room', held, { attempt: 1, cause: 'exit' }],
  ] as const)('ends %s: nothing follows by itself, and what is wanted stays', (_what, place, fact) => {
    const driver = place();
    const [runs, lifecycle, { attempts }] = [
      driver.effects('vmm.boot').length,
      driver.lifecycle(),
      driver.snapshot().context.restart,
    ];
    driver.send(5_000, { type: 'cancel_restart', by });
    expect(driver.facts('restart.cancelled')).toMatchObject([fact]);
    expect(driver.snapshot().context.restart).toMatchObject({ attempts, next_attempt_at: null, last_reason: null });
    expect(driver.snapshot().context.admission).toBeNull();
    driver.until(DAY_MS);
    expect([driver.effects('vmm.boot').length, driver.lifecycle()]).toEqual([runs, lifecycle]);
    expect(driver.snapshot().context.intent).toMatchObject({ wanted: 'running', at: START + 5_000 });
  });

  it('a restart after a host reboot can be cancelled as well', () => {
    const driver = drive(definition({ restart_policy: ON_FAILURE }), 'running', 0, 'silent');
    bootUp(driver, 0);
    driver.send(1_000, { ...exited(1, null), reason: 'host_reboot' } as never);
    driver.send(2_000, { type: 'cancel_restart', by });
    expect(driver.facts('restart.cancelled')).toMatchObject([{ cause: 'host_reboot' }]);
  });

  it('is refused when nothing is pending, also while an attempt is already under way', () => {
    const running = drive(definition({ restart_policy: ON_FAILURE }));
    bootUp(running, 0);
    const attempting = drive(definition({ restart_policy: ON_FAILURE }));
    bootUp(attempting, 0);
    attempting.send(1_000, exited(1, 1));
    for (const driver of [running, attempting, exhausted()]) {
      const refused = driver.send(20_000, { type: 'cancel_restart', by });
      expect([refused.accepted, accepts(driver, 20_000).includes('cancel_restart')]).toEqual([false, false]);
      expect(refusalReason(driver.snapshot(), { type: 'cancel_restart', at: START, by })).toBe('invalid_state');
    }
  });

  it('another restart policy opens a new window all the same, for what comes next', () => {
    const driver = inBackoff();
    driver.send(5_000, { type: 'cancel_restart', by });
    driver.send(6_000, { type: 'update', by, changes: { restart_policy: { ...ON_FAILURE, backoff_ms: 1 } } });
    expect([driver.restart(), driver.region('restart')]).toEqual([{}, 'waived']);
  });

  it('a grant of the host that comes after it starts nothing', () => {
    const driver = asking();
    driver.send(2_000, { type: 'cancel_restart', by });
    const late = driver.send(2_001, { type: 'host.granted', run: 1, purpose: 'restart_policy' });
    expect([late.accepted, driver.lifecycle()]).toEqual([false, 'failed']);
  });

  it.each([
    ['the end of maintenance', { type: 'host.mode_changed', mode: 'normal' }],
    ['another restart policy', { type: 'update', by, changes: { restart_policy: { ...ON_FAILURE, backoff_ms: 1 } } }],
    ['another expiry', { type: 'update', by, changes: { expiry: null } }],
  ] as const)('%s does not bring it back', (_what, event) => {
    for (const driver of [inBackoff(), unhealthy()]) {
      const runs = driver.effects('vmm.boot').length;
      driver.send(5_000, { type: 'cancel_restart', by });
      driver.send(5_500, { type: 'host.mode_changed', mode: 'maintenance' });
      driver.send(6_000, { type: 'host.mode_changed', mode: 'normal' });
      driver.send(6_500, event);
      driver.until(DAY_MS);
      expect(driver.effects('vmm.boot')).toHaveLength(runs);
    }
  });

  it('a start boots at once, in a new window, and the next end is judged by the plain policy', () => {
    const driver = inBackoff();
    driver.send(5_000, { type: 'cancel_restart', by });
    driver.send(6_000, { type: 'start', by });
    expect(driver.restart()).toEqual({});
    bootUp(driver, 6_000);
    driver.send(7_000, exited(3, 1));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 7_000 });
  });

  it('the end of an unhealthy guest that was left running is judged with the attempts made', () => {
    const driver = unhealthy();
    driver.send(4_000, { type: 'cancel_restart', by });
    driver.send(5_000, exited(2, 1));
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 1_000, next_attempt_at: 8_000 });
  });

  it('healthy and then unhealthy again, the new verdict counts', () => {
    const driver = unhealthy();
    driver.send(4_000, { type: 'cancel_restart', by });
    probe(driver, 5_000, 'passed');
    expect(driver.region('restart')).toBe('probation');
    probe(driver, 20_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('a verdict of another check counts as well', () => {
    const driver = unhealthy();
    driver.send(4_000, { type: 'cancel_restart', by });
    driver.send(5_000, { type: 'update', by, changes: { health_check: { ...SENSITIVE, interval_ms: 9_000 } } });
    probe(driver, 20_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('also when the restart policy changes with the check', () => {
    const driver = unhealthy();
    driver.send(4_000, { type: 'cancel_restart', by });
    const health_check = { ...SENSITIVE, interval_ms: 9_000 };
    driver.send(5_000, { type: 'update', by, changes: { restart_policy: GATED, health_check } });
    expect(driver.restart()).toEqual({});
    probe(driver, 100_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('back from standby an unhealthy guest is watched like any other', () => {
    const driver = unhealthy();
    driver.send(4_000, { type: 'cancel_restart', by });
    driver.send(5_000, { type: 'standby', by });
    driver.send(5_001, { type: 'start', by });
    driver.send(5_002, { type: 'effect.done', effect: 'test/1/0', kind: 'vmm.resume', run: 2 });
    expect(driver.region('health')).toBe('starting');
    probe(driver, 20_000, 'failed');
    expect(driver.lifecycle()).toBe('stopping');
  });
});

describe('a new window without a start', () => {
  it('lifts the block of an instance at rest and starts nothing, now or later', () => {
    const driver = exhausted();
    driver.send(9_000, { type: 'reset_restart', by });
    expect(driver.restart()).toEqual({});
    expect(driver.facts('restart.reset')).toMatchObject([{ cause: 'operator' }]);
    driver.send(10_000, { type: 'host.mode_changed', mode: 'maintenance' });
    driver.send(11_000, { type: 'host.mode_changed', mode: 'normal' });
    driver.until(DAY_MS);
    expect(driver.effects('vmm.boot')).toHaveLength(3);
    expect(driver.lifecycle()).toBe('failed');
  });

  it('a pending attempt stays pending at its instant and is the first of the new window', () => {
    const driver = inBackoff();
    driver.send(2_000, { type: 'reset_restart', by });
    expect(driver.restart()).toEqual({ next_attempt_at: 7_000 });
    driver.until(7_000);
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 7_000 });
  });

  it('a pending question to the host stays open, and its grant is the first attempt', () => {
    const driver = held();
    driver.send(2_000, { type: 'reset_restart', by });
    expect(driver.restart()).toEqual({ next_attempt_at: 60_000 });
    driver.send(3_000, { type: 'host.granted', run: 1, purpose: 'restart_policy' });
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 3_000 });
  });

  it('a guest that runs unhealthy, blocked, is judged again at once', () => {
    const driver = unhealthy();
    driver.until(7_000 + 1_000);
    comeBack(driver, 9_000);
    probe(driver, 30_000, 'failed');
    expect(driver.restart()).toMatchObject({ attempts: 2, blocked_reason: 'max_attempts_exceeded' });
    driver.send(40_000, { type: 'reset_restart', by });
    expect(driver.lifecycle()).toBe('stopping');
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 40_000, last_reason: 'health_check_failed' });
  });

  it('one that waits for its backoff is judged again as well: the first attempt of a window waits for nothing', () => {
    const driver = unhealthy();
    expect(driver.region('restart')).toBe('backoff');
    driver.send(4_000, { type: 'reset_restart', by });
    expect(driver.lifecycle()).toBe('stopping');
    expect(driver.restart()).toEqual({ attempts: 1, last_attempt_at: 4_000, last_reason: 'health_check_failed' });
  });

  it('one that waits for its stability period waits on, in a new window', () => {
    const driver = unhealthy(GATED);
    driver.send(4_000, { type: 'reset_restart', by });
    expect(driver.restart()).toEqual({ next_attempt_at: 91_000, last_reason: 'health_check_failed' });
  });

  it('a healthy guest in probation has nothing left to prove', () => {
    const driver = inBackoff();
    driver.until(7_000);
    bootUp(driver, 7_000);
    expect(driver.region('restart')).toBe('probation');
    driver.send(8_000, { type: 'reset_restart', by });
    expect([driver.region('restart'), driver.pending(), driver.restart()]).toEqual(['idle', {}, {}]);
  });

  it('an attempt that is under way goes on and counts no more', () => {
    const driver = inBackoff();
    driver.until(7_000);
    driver.send(7_500, { type: 'reset_restart', by });
    bootUp(driver, 8_000);
    expect([driver.lifecycle(), driver.region('restart'), driver.restart()]).toEqual(['running', 'idle', {}]);
  });

  it('a restart for health that is under way keeps its reason until it has succeeded', () => {
    const driver = drive(definition({ restart_policy: ON_FAILURE, health_check: SENSITIVE }));
    bootUp(driver, 0);
    probe(driver, 1_000, 'failed');
    driver.send(1_500, { type: 'reset_restart', by });
    expect(driver.restart()).toEqual({ last_reason: 'health_check_failed' });
    comeBack(driver, 2_000);
    expect(driver.restart()).toEqual({});
  });

  it('is refused once somebody has stopped the instance: a block by hand is lifted by a start', () => {
    const driver = inBackoff();
    driver.send(2_000, { type: 'stop', by });
    expect(driver.send(3_000, { type: 'reset_restart', by }).accepted).toBe(false);
    expect(driver.restart()).toEqual({ blocked_reason: 'manual_stop' });
    expect(accepts(driver, 3_000)).not.toContain('reset_restart');
  });

  it('with nothing to reset it is recorded and changes nothing', () => {
    const driver = drive(definition({ restart_policy: ON_FAILURE }));
    bootUp(driver, 0);
    const step = driver.send(1_000, { type: 'reset_restart', by });
    expect([step.accepted, step.facts, step.effects, step.armed]).toEqual([true, [], [], []]);
  });

  it('a guest that runs unhealthy, its restart cancelled, is judged again as well', () => {
    const driver = unhealthy();
    driver.send(4_000, { type: 'cancel_restart', by });
    driver.send(5_000, { type: 'reset_restart', by });
    expect(driver.restart()).toMatchObject({ attempts: 1, last_attempt_at: 5_000 });
    expect(driver.lifecycle()).toBe('stopping');
  });

  it('what was cancelled stays cancelled at rest', () => {
    const driver = inBackoff();
    driver.send(2_000, { type: 'cancel_restart', by });
    driver.send(3_000, { type: 'reset_restart', by });
    driver.until(DAY_MS);
    expect([driver.restart(), driver.effects('vmm.boot').length]).toEqual([{}, 2]);
  });

  it('the word of a guest that is ready late does not undo it', () => {
    const driver = exhausted();
    driver.send(9_000, { type: 'reset_restart', by });
    expect(driver.send(9_500, ready(3)).accepted).toBe(false);
  });
});
