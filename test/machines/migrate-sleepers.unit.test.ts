import { describe, expect, it } from 'vitest';
import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
import { migrate } from '../../machines/migrate.ts';
import { type ChartSnapshot, fromStateData, type Step, step } from '../../machines/step.ts';
import { recordedHistories } from '../histories/recorded.ts';
import { done, exited, failed } from './driver.ts';
import { leafOf } from './exploration.ts';

/**
 * What chart 4 has left of guests between waking and sleeping, as it recorded them: nobody sleeps under a connection after the
 * upgrade, nobody's memory is lost by it, and a stop that was the last word still is.
 */

const by = 'ann';
type Event = Unstamped<ExternalEvent>;

/** The first head of chart 4 in this place, as the present chart takes it over. */
function left(history: string, place: string, wanted = 'running'): ChartSnapshot {
  const { records } = recordedHistories(4).find(({ name }) => name === history)!;
  for (const { state, definition_at } of records) {
    const migrated = migrate(state, 4);
    const snapshot = fromStateData(migrated, records[definition_at - 1]!.definition!);
    const { context } = snapshot;
    const is = context.stop === null ? leafOf(snapshot) : `${leafOf(snapshot)}, then ${context.stop.next}`;
    if (is !== place || context.intent.wanted !== wanted) continue;
    expect(migrated).toEqual({ ...state, context: { ...state.context, put_away: null } });
    return snapshot;
  }
  throw new Error(`Chart 4 has left nothing in ${place}.`);
}

function after(snapshot: ChartSnapshot, ...events: readonly Event[]): Step {
  let taken: Step | null = null;
  const { context } = snapshot;
  for (const event of events) {
    const at = Math.max(context.intent.at, context.run.started_at ?? 0) + 1_000_000;
    taken = step(taken?.next ?? snapshot, { ...event, at } as ExternalEvent);
    expect([event.type, taken.accepted]).toEqual([event.type, true]);
  }
  return taken!;
}

const place = (snapshot: ChartSnapshot, ...events: readonly Event[]): string => leafOf(after(snapshot, ...events).next);
const asked = ({ effects }: Step): string[] => effects.map(({ kind }) => kind);

describe('a guest that chart 4 has left while its snapshot was whole and its table was read for the last time', () => {
  const sealing = () => left('sealed', 'sealing');

  it('goes on running for a connection, a hold, a start, a table that cannot be read, and a daemon that has ended', () => {
    for (const event of [
      { type: 'traffic.active', run: 1, connections: 1 },
      { type: 'traffic.unconfirmed', run: 1, error: 'the table could not be read' },
      { type: 'observer.lost', error: 'overrun' },
      { type: 'hold', by, until: 9e15 },
      { type: 'start', by },
      { type: 'vmm.found', run: 1, found: { reality: 'paused' } },
    ] as const) {
      const { next, effects } = after(sealing(), event);
      expect([event.type, leafOf(next), effects.at(-1)?.kind]).toEqual([event.type, 'resuming', 'vmm.resume']);
    }
  });

  it('is put away when there is none, and sleeps when its VMM has ended meanwhile', () => {
    const confirmed = after(sealing(), { type: 'traffic.confirmed_idle', run: 1 });
    expect([leafOf(confirmed.next), confirmed.next.context.stop?.next]).toEqual(['stopping.killing', 'standby']);
    const ended = after(sealing(), exited(1, null));
    expect([leafOf(ended.next), ended.next.context.snapshot?.name, asked(ended)]).toEqual([
      'standby.sleeping',
      'run-1',
      [],
    ]);
  });
});

describe('a guest that chart 4 has set aside in the middle of its restore', () => {
  const aside = () => left('set-aside-while-waking', 'quarantined');
  const unborn = { ...exited(2, null), reason: 'boot_failed' } as Event;
  const none = { type: 'vmm.found', run: 2, found: { reality: 'none' } } as const;
  const start = { type: 'start', by } as const;

  it('keeps the memory of that guest for a start, whatever becomes known of its VMM', () => {
    for (const events of [
      [unborn, start],
      [start, unborn],
      [start, none],
    ] as const) {
      const { next } = after(aside(), ...events);
      expect([leafOf(next), next.context.run.number, next.context.snapshot?.name]).toEqual([
        'restoring.taking_up',
        3,
        'run-1',
      ]);
    }
  });

  it('is looked for by a start, and starts nothing beside a VMM that may live', () => {
    expect(asked(after(aside(), start))).toEqual(['vmm.inspect']);
    expect(place(aside(), start, { ...none, found: { reality: 'paused' } })).toBe('restoring.answering');
  });

  it('gives up its memory with a stop or a deletion, and not before', () => {
    const [stop, remove] = [
      { type: 'stop', by },
      { type: 'delete', by },
    ] as const;
    expect(after(aside(), unborn).next.context.snapshot).not.toBeNull();
    expect([place(aside(), unborn, stop), place(aside(), stop, unborn)]).toEqual(['stopped', 'stopped']);
    expect([place(aside(), unborn, remove), place(aside(), remove, unborn)]).toEqual(['deleting', 'deleting']);
    expect(after(aside(), stop, unborn).next.context.snapshot).toBeNull();
  });
});

describe('a guest that chart 4 has left while it was put away, and is to wake as soon as it sleeps', () => {
  const leaving = () => left('wanted-while-put-away', 'stopping.killing, then wake');

  it('is taken up from its snapshot, and has slept when that fails', () => {
    const woken = after(leaving(), exited(1, null));
    expect([leafOf(woken.next), asked(woken)]).toEqual(['restoring.taking_up', ['vmm.restore']]);
    const { next } = after(leaving(), exited(1, null), failed('vmm.restore', 2));
    expect([leafOf(next), next.context.snapshot?.name, next.context.run.number]).toEqual([
      'standby.sleeping',
      'run-1',
      2,
    ]);
  });

  it('does not wake after a stop, a deletion, or the word that it shall sleep', () => {
    expect(place(leaving(), { type: 'stop', by }, exited(1, null))).toBe('stopped');
    expect(place(leaving(), { type: 'delete', by }, exited(1, null))).toBe('deleting');
    expect(place(leaving(), { type: 'standby', by }, exited(1, null))).toBe('standby.sleeping');
  });

  it('is ended once more by a daemon that finds it, paused or running', () => {
    for (const found of [{ reality: 'paused' }, { reality: 'running', ready: true }] as const) {
      const again = after(leaving(), { type: 'vmm.found', run: 1, found });
      expect([leafOf(again.next), asked(again).at(-1)]).toEqual(['stopping.killing', 'vmm.kill']);
    }
  });
});

describe('a fork that chart 4 has left while it took its copy, and that is not wanted up', () => {
  const forking = () => left('forked-to-sleep', 'forking', 'stopped');

  it('sleeps in its copy, and no boot or restore is asked for', () => {
    const forked = after(forking(), done('snapshot.fork', 0));
    expect([leafOf(forked.next), asked(forked), forked.next.context.snapshot?.name]).toEqual([
      'standby.sleeping',
      [],
      'run-0',
    ]);
  });

  it('wakes from it when it is started meanwhile', () => {
    expect(place(forking(), { type: 'start', by }, done('snapshot.fork', 0))).toBe('restoring.taking_up');
  });

  it('does without it after a stop: what is copied is withdrawn and dropped', () => {
    const stopped = after(forking(), { type: 'stop', by });
    expect([leafOf(stopped.next), asked(stopped)]).toEqual(['stopped', ['effect.withdraw', 'snapshot.drop']]);
  });

  it('takes it again for a daemon that has ended meanwhile', () => {
    const again = after(forking(), { type: 'vmm.found', run: 0, found: { reality: 'none' } });
    expect([leafOf(again.next), asked(again).at(-1)]).toEqual(['forking', 'snapshot.fork']);
  });
});
