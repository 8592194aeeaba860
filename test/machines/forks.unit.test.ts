import { describe, expect, it } from 'vitest';
import { ALWAYS, definition, ON_FAILURE, START } from './definitions.ts';
import { type Driver, done, drive, failed } from './driver.ts';
import { leafOf } from './exploration.ts';

/** Instances that begin with a copy of another's snapshot, and what becomes of them when that is called off. */

const by = 'ann';
const leaf = (driver: Driver): string => leafOf(driver.snapshot());

describe('a fork', () => {
  const from = { instance: '01another', snapshot: 'kept' };
  const forked = (wanted: 'running' | 'stopped', parts: Parameters<typeof definition>[0] = {}): Driver => {
    const driver = drive(definition(parts), wanted, 0, 'generous', from);
    driver.send(0, done('instance.prepare', 0));
    expect(driver.effects('snapshot.fork')).toMatchObject([
      { run: 0, source: '01another', snapshot: 'kept', as: 'run-0' },
    ]);
    return driver;
  };

  it('that is wanted running wakes from its copy, in its first run', () => {
    const driver = forked('running');
    driver.send(1_000, done('snapshot.fork', 0));
    expect(driver.effects('vmm.restore')).toMatchObject([{ run: 1, snapshot: 'run-0' }]);
    expect([driver.effects('snapshot.drop'), driver.effects('effect.withdraw')]).toEqual([[], []]);
    driver.send(1_100, done('vmm.restore', 1));
    driver.send(1_200, done('guest.set_clock', 1));
    expect(leaf(driver)).toBe('running');
  });

  it('that is not wanted running sleeps, and no policy starts it', () => {
    const driver = forked('stopped', { restart_policy: ALWAYS });
    driver.send(1_000, done('snapshot.fork', 0));
    driver.send(2_000, { type: 'update', by, changes: { restart_policy: ON_FAILURE } });
    driver.until(3_600_000);
    expect([leaf(driver), driver.effects('vmm.boot'), driver.effects('vmm.restore')]).toEqual([
      'standby.sleeping',
      [],
      [],
    ]);
    expect(driver.snapshot().context).toMatchObject({ restart: { attempts: 0 }, standby: { hold_until: null } });
  });

  it('whose copy fails is failed, and a start tries again', () => {
    const driver = forked('running');
    driver.send(1_000, failed('snapshot.fork', 0));
    expect(leaf(driver)).toBe('failed');
    driver.send(2_000, { type: 'start', by });
    driver.send(2_100, done('instance.prepare', 0));
    expect([leaf(driver), driver.effects('snapshot.fork').length]).toEqual(['forking', 2]);
  });

  it.each([
    ['a stop', { type: 'stop', by }],
    ['a stop by force', { type: 'stop', by, force: true }],
  ] as const)('that is ended by %s while it copies is stopped, and its half copy goes', (_what, event) => {
    for (const wanted of ['running', 'stopped'] as const) {
      const driver = forked(wanted);
      const step = driver.send(1_000, event);
      expect([leaf(driver), step.effects]).toEqual([
        'stopped',
        [
          { kind: 'effect.withdraw', run: 0 },
          { kind: 'snapshot.drop', run: 0, snapshot: 'run-0' },
        ],
      ]);
      driver.send(1_100, done('snapshot.fork', 0));
      expect([leaf(driver), driver.snapshot().context.snapshot]).toEqual(['stopped', null]);
      driver.send(2_000, { type: 'start', by });
      expect(leaf(driver)).toBe('booting.spawning');
    }
  });

  it('that is stopped before it is prepared takes no copy, unless it is started meanwhile', () => {
    const from = { instance: 'another', snapshot: 'kept' };
    const stopped = drive(definition(), 'running', 0, 'generous', from);
    stopped.send(0, { type: 'stop', by });
    stopped.send(0, done('instance.prepare', 0));
    expect([leaf(stopped), stopped.effects('snapshot.fork')]).toEqual(['stopped', []]);
    const started = drive(definition(), 'running', 0, 'generous', from);
    started.send(0, { type: 'stop', by });
    started.send(0, { type: 'start', by });
    started.send(0, done('instance.prepare', 0));
    expect(leaf(started)).toBe('forking');
  });

  it.each(['stop', 'delete'] as const)('that expires while it copies: %s', (then) => {
    const driver = forked('running', { expiry: { expires_at: START + 5_000, then } });
    driver.until(5_000);
    expect(leaf(driver)).toBe(then === 'stop' ? 'stopped' : 'deleting');
    expect(driver.effects('snapshot.drop')).toMatchObject([{ run: 0, snapshot: 'run-0' }]);
  });

  it.each(['running', 'stopped'] as const)('without any memory is made as any other, wanted %s', (wanted) => {
    const origin = { instance: '01another', snapshot: null };
    const driver = drive(definition(), wanted, 0, 'generous', origin);
    driver.send(0, done('instance.prepare', 0));
    expect([leaf(driver), driver.effects('snapshot.fork')]).toEqual([
      wanted === 'running' ? 'booting.spawning' : 'stopped',
      [],
    ]);
    expect(driver.snapshot().context.origin).toEqual(origin);
  });

  it('that expires before it is prepared takes no copy', () => {
    const expiry = { expires_at: START + 5_000, then: 'stop' } as const;
    const driver = drive(definition({ expiry }), 'running', 0, 'generous', { instance: 'another', snapshot: 'kept' });
    driver.until(5_000);
    driver.send(6_000, done('instance.prepare', 0));
    expect([leaf(driver), driver.effects('snapshot.fork')]).toEqual(['stopped', []]);
  });
});
