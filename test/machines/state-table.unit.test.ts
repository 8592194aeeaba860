import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { acceptedCommands } from '../../machines/accepted-commands.ts';
import type { CommandType } from '../../machines/events.ts';
import { mayHaveVmm, phaseOf, runIsOver } from '../../machines/public-states.ts';
import { heldUntil } from '../../machines/wakefulness.ts';
import { definition, ON_FAILURE, START } from './definitions.ts';
import { done, drive, exited, failed } from './driver.ts';
import { leafOf } from './exploration.ts';
import { momentAt, PLACES } from './places.ts';

const NOW = START + 61_000;
const PAGE = new URL('../../docs/explanation/deviations-from-hypeman.md', import.meta.url);

/** Which command is accepted where. */
const ACCEPTED: Readonly<Record<string, readonly CommandType[]>> = {
  preparing: ['start', 'stop', 'restart', 'delete', 'update', 'ignore'],
  forking: ['start', 'stop', 'restart', 'delete', 'update', 'ignore'],
  stopped: ['start', 'stop', 'restart', 'delete', 'update', 'ignore'],
  failed: ['start', 'stop', 'restart', 'delete', 'update', 'ignore', 'reset_restart'],
  'booting.spawning': ['start', 'stop', 'restart', 'restore', 'hold', 'delete', 'update', 'ignore', 'reset_restart'],
  'booting.awaiting_guest': [
    'start',
    'stop',
    'restart',
    'restore',
    'hold',
    'delete',
    'update',
    'ignore',
    'reset_restart',
  ],
  running: [
    'start',
    'stop',
    'restart',
    'standby',
    'restore',
    'hold',
    'delete',
    'update',
    'ignore',
    'reset_restart',
    'create_snapshot',
  ],
  quiescing: ['start', 'stop', 'standby', 'delete', 'update', 'ignore', 'reset_restart'],
  'pausing.freezing': ['start', 'stop', 'standby', 'delete', 'update', 'ignore', 'reset_restart'],
  'pausing.frozen': ['start', 'stop', 'standby', 'hold', 'delete', 'update', 'ignore', 'reset_restart'],
  snapshotting: ['start', 'stop', 'standby', 'delete', 'update', 'ignore', 'reset_restart'],
  sealing: ['start', 'stop', 'standby', 'hold', 'delete', 'update', 'ignore', 'reset_restart'],
  'capturing.freezing': ['start', 'stop', 'hold', 'delete', 'update', 'ignore', 'reset_restart'],
  'capturing.saving': ['start', 'stop', 'hold', 'delete', 'update', 'ignore', 'reset_restart'],
  resuming: ['start', 'stop', 'restore', 'hold', 'delete', 'update', 'ignore', 'reset_restart'],
  'standby.sleeping': [
    'start',
    'stop',
    'standby',
    'restore',
    'delete',
    'update',
    'ignore',
    'reset_restart',
    'create_snapshot',
  ],
  'standby.copying': ['start', 'stop', 'standby', 'restore', 'delete', 'update', 'ignore', 'reset_restart'],
  'standby.waking.asking': [
    'start',
    'stop',
    'standby',
    'restore',
    'delete',
    'update',
    'ignore',
    'reset_restart',
    'create_snapshot',
  ],
  'standby.waking.held': [
    'start',
    'stop',
    'standby',
    'restore',
    'delete',
    'update',
    'ignore',
    'reset_restart',
    'create_snapshot',
  ],
  'restoring.taking_up': ['start', 'stop', 'restore', 'hold', 'delete', 'update', 'ignore', 'reset_restart'],
  'restoring.answering': ['start', 'stop', 'restore', 'hold', 'delete', 'update', 'ignore', 'reset_restart'],
  reverting: ['start', 'stop', 'standby', 'restore', 'delete', 'update', 'ignore', 'reset_restart'],
  'stopping.withdrawing': ['start', 'stop', 'restart', 'delete', 'update', 'ignore'],
  'stopping.before_stop': ['start', 'stop', 'restart', 'delete', 'update', 'ignore'],
  'stopping.graceful': ['start', 'stop', 'restart', 'delete', 'update', 'ignore'],
  'stopping.graceful, then boot': ['start', 'stop', 'restart', 'delete', 'update', 'ignore', 'reset_restart'],
  'stopping.killing': ['start', 'stop', 'restart', 'delete', 'update', 'ignore'],
  'stopping.killing, then standby': [
    'start',
    'stop',
    'standby',
    'restore',
    'delete',
    'update',
    'ignore',
    'reset_restart',
  ],
  lost: ['start', 'stop', 'restart', 'delete', 'update', 'ignore', 'reset_restart'],
  'lost, ready before': ['start', 'stop', 'restart', 'delete', 'update', 'ignore', 'reset_restart'],
  'lost, stop pending': ['start', 'stop', 'restart', 'delete', 'update', 'ignore'],
  quarantined: ['start', 'stop', 'delete', 'ignore'],
  deleting: ['stop', 'delete'],
  deleted: [],
};

/** Those that say more than their type. */
const NOT_PLAIN: ReadonlySet<CommandType> = new Set([
  'create',
  'update',
  'hold',
  'create_snapshot',
  'delete_snapshot',
  'restore_snapshot',
]);

const accepted = (place: string): Set<CommandType> => new Set(acceptedCommands(PLACES[place]!().snapshot(), NOW));

describe('which command is accepted where', () => {
  it.each(Object.entries(ACCEPTED))('%s', (place, commands) => {
    expect(accepted(place)).toEqual(new Set(commands));
  });

  it('the table covers every state', () => {
    expect(Object.keys(ACCEPTED).sort()).toEqual(Object.keys(PLACES).sort());
  });

  it('stop and delete are accepted everywhere but in deleted', () => {
    const refusing = Object.keys(PLACES).filter(
      (place) => !accepted(place).has('stop') || !accepted(place).has('delete'),
    );
    expect(refusing).toEqual(['deleted']);
  });

  it('a pending restart can be cancelled, and nothing else can be', () => {
    for (const [place, open] of Object.entries(PLACES)) {
      const { context } = open().snapshot();
      expect([place, context.restart.next_attempt_at]).toEqual([place, null]);
      expect([place, context.admission === null || context.admission.purpose === 'wake']).toEqual([place, true]);
      expect([place, accepted(place).has('cancel_restart')]).toEqual([place, false]);
    }
    const driver = drive(definition({ restart_policy: ON_FAILURE }));
    driver.send(0, done('instance.prepare', 0));
    for (const run of [1, 2]) driver.send(run, failed('vmm.boot', run));
    expect(driver.region('restart')).toBe('backoff');
    expect(acceptedCommands(driver.snapshot(), START + 3)).toContain('cancel_restart');
  });

  it('create is accepted only once', () => {
    expect(Object.keys(PLACES).filter((place) => accepted(place).has('create'))).toEqual([]);
  });
});

describe('what a phase says of the run', () => {
  it.each(Object.keys(PLACES))('%s', (place) => {
    const snapshot = PLACES[place]!().snapshot();
    const phase = phaseOf(snapshot.value);
    expect(runIsOver(phase)).toBe(snapshot.hasTag('at_rest'));
    // Where nobody can say what became of the run it is not over either.
    expect(mayHaveVmm(phase)).toBe(!snapshot.context.run.ended);
  });
});

describe('a hold', () => {
  it('is accepted only while a VMM may live, so that a look at such an instance alone can tell of one', () => {
    for (const [place, commands] of Object.entries(ACCEPTED)) {
      const phase = phaseOf(PLACES[place]!().snapshot().value);
      expect([place, commands.includes('hold') && !mayHaveVmm(phase)]).toEqual([place, false]);
    }
  });

  it('placed on a guest that boots is in force until it elapses', () => {
    const driver = PLACES['booting.spawning']!();
    driver.send(1, { type: 'hold', by: 'ann', until: START + 60_000 });
    driver.send(2, done('vmm.boot', 1));
    const { context } = driver.snapshot();
    expect([heldUntil(context, START + 59_999), heldUntil(context, START + 60_000)]).toEqual([START + 60_000, null]);
  });
});

describe('what accepted commands do', () => {
  it('a start while stopping boots after the end of the run', () => {
    const driver = PLACES['stopping.graceful']!();
    driver.send(1_000, { type: 'start', by: 'ann' });
    expect(driver.effects('vmm.boot')).toHaveLength(1);
    driver.send(2_000, exited(1, 0));
    expect(leafOf(driver.snapshot())).toBe('booting.spawning');
  });

  it.each(['start', 'restore'] as const)(
    '%s in running changes no state of the lifecycle and asks for nothing',
    (type) => {
      const driver = PLACES.running!();
      const step = driver.send(1_000, { type, by: 'ann' });
      expect([step.accepted, step.effects, leafOf(step.next)]).toEqual([true, [], 'running']);
    },
  );

  it('a stop of a sleeper drops its snapshot', () => {
    const driver = PLACES['standby.sleeping']!();
    driver.send(61_000, { type: 'stop', by: 'ann' });
    expect(driver.effects('snapshot.drop')).toHaveLength(1);
    expect(driver.lifecycle()).toBe('stopped');
  });

  it('a second stop says nothing new, a forced one hastens', () => {
    const driver = PLACES['stopping.graceful']!();
    const again = driver.send(500, { type: 'stop', by: 'ann' });
    expect([again.accepted, again.effects]).toEqual([true, []]);
    driver.send(600, { type: 'stop', by: 'ann', force: true });
    expect(leafOf(driver.snapshot())).toBe('stopping.killing');
  });

  it('a forced stop hastens a deletion and does not take it back', () => {
    const driver = PLACES.running!();
    driver.send(1_000, { type: 'delete', by: 'ann' });
    driver.send(1_100, { type: 'stop', by: 'ann', force: true });
    expect(leafOf(driver.snapshot())).toBe('stopping.killing');
    driver.send(1_200, exited(1, null));
    expect(driver.lifecycle()).toBe('deleting');
  });

  it('a start after a failed preparation prepares again', () => {
    const driver = PLACES.preparing!();
    driver.until(60_000);
    expect(driver.lifecycle()).toBe('failed');
    driver.send(61_000, { type: 'start', by: 'ann' });
    expect(driver.effects('instance.prepare')).toHaveLength(2);
    driver.send(62_000, done('instance.prepare', 0));
    expect(leafOf(driver.snapshot())).toBe('booting.spawning');
  });

  it('every accepted command leaves its mark, also one that changes nothing', () => {
    for (const [place, commands] of Object.entries(ACCEPTED)) {
      for (const type of commands) {
        if (NOT_PLAIN.has(type)) continue;
        const driver = PLACES[place]!();
        const step = driver.send(momentAt(place), { type, by: 'ann' } as never);
        expect([place, type, step.accepted, step.next.context.intent.at]).toEqual([
          place,
          type,
          true,
          START + momentAt(place),
        ]);
      }
    }
  });
});

describe('the page of deviations', () => {
  it('speaks of every command', () => {
    const page = readFileSync(PAGE, 'utf8');
    for (const command of [
      'start',
      'stop',
      'standby',
      'restore',
      'restart',
      'hold',
      'delete',
      'update',
      'ignore',
      'cancel_restart',
      'reset_restart',
      'create_snapshot',
      'delete_snapshot',
      'restore_snapshot',
    ]) {
      expect(page).toContain(`\`${command}\``);
    }
  });
});
