import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import type { EffectControl } from '../../src/actors/contracts/hypervisor.ts';
import type { EffectTask, ResultEvent } from '../../src/actors/effect-operations.ts';
import { EffectQueue, WITHDRAWN_SETTLE_MAX_MS } from '../../src/actors/effect-queue.ts';
import { definition } from './simulated-host.ts';

interface Begun {
  readonly task: EffectTask;
  readonly control: EffectControl;
  readonly finish: (event: ResultEvent) => void;
  readonly fail: (error: Error) => void;
}

interface Scene {
  readonly clock: SimulatedClock;
  readonly queue: EffectQueue;
  readonly begun: Begun[];
  readonly delivered: ResultEvent[];
  readonly discarded: ResultEvent[];
  mayAct: boolean;
}

function scene(): Scene {
  const clock = new SimulatedClock(0);
  const begun: Begun[] = [];
  const delivered: ResultEvent[] = [];
  const discarded: ResultEvent[] = [];
  const queue = new EffectQueue({
    clock,
    faults: undefined,
    mayAct: () => made.mayAct,
    deliver: (event) => delivered.push(event),
    discard: (event) => discarded.push(event),
    perform: (task, control) =>
      new Promise((finish, fail) => {
        begun.push({ task, control, finish, fail });
      }),
  });
  const made: Scene = { clock, queue, begun, delivered, discarded, mayAct: true };
  return made;
}

function task(
  version: number,
  run = 1,
  kind: 'vmm.boot' | 'vmm.kill' | 'vmm.inspect' | 'traffic.confirm' | 'instance.remove' = 'vmm.boot',
): EffectTask {
  return { id: `a/${version}/0`, instance: 'a', effect: { kind, run }, definition: definition() };
}

function done({ id, effect }: EffectTask): ResultEvent {
  return { type: 'effect.done', effect: id, kind: effect.kind, run: effect.run };
}

const kinds = (events: readonly ResultEvent[]): string[] => events.map(({ type }) => type);

describe('the effects of one instance', () => {
  it('run one at a time, in the order of the records that asked for them', async () => {
    const { clock, queue, begun, delivered } = scene();
    const tasks = [task(1), task(2), task(3)];
    for (const one of tasks) queue.add(one);
    for (let n = 0; n < tasks.length; n++) {
      await clock.settle();
      expect(begun.map(({ task: { id } }) => id)).toEqual(tasks.slice(0, n + 1).map(({ id }) => id));
      begun[n]!.finish(done(tasks[n]!));
    }
    await clock.settle();
    expect(kinds(delivered)).toEqual(['effect.done', 'effect.done', 'effect.done']);
    expect(queue.idle).toBe(true);
  });

  it('do not keep a question to the host waiting', async () => {
    const { clock, queue, begun, delivered } = scene();
    queue.add(task(1));
    const effect = { kind: 'host.admit', run: 1, purpose: 'restart_policy' } as const;
    queue.add({ ...task(2), effect });
    await clock.settle();
    expect(begun.map(({ task: { id } }) => id)).toEqual(['a/1/0', 'a/2/0']);
    begun[1]!.finish({ type: 'host.granted', run: 1, purpose: 'restart_policy' });
    await clock.settle();
    expect([kinds(delivered), queue.idle]).toEqual([['host.granted'], false]);
  });

  it('that were withdrawn are answered for: what the host promises late is heard of, so that it is not kept for nobody', async () => {
    const { clock, queue, begun, delivered, discarded } = scene();
    queue.add({ ...task(1), effect: { kind: 'host.admit', run: 1, purpose: 'standby' } });
    await clock.settle();
    queue.withdraw(1);
    begun[0]!.finish({ type: 'host.granted', run: 1, purpose: 'standby' });
    await clock.settle();
    expect([kinds(delivered), kinds(discarded)]).toEqual([['effect.withdrawn'], ['host.granted']]);
  });

  it('do not wait for the table of connections to be read, and whoever withdraws that does not wait either', async () => {
    const { clock, queue, begun, delivered } = scene();
    queue.add(task(1, 1, 'traffic.confirm'));
    queue.add(task(2));
    await clock.settle();
    expect(begun.map(({ task: { id } }) => id)).toEqual(['a/1/0', 'a/2/0']);
    begun[1]!.finish(done(task(2)));
    await clock.settle();
    queue.withdraw(1);
    await clock.settle();
    expect(delivered).toMatchObject([
      { type: 'effect.done', effect: 'a/2/0' },
      { type: 'effect.withdrawn', effect: 'a/1/0' },
    ]);
    expect(queue.idle).toBe(true);
    begun[0]!.finish({ type: 'traffic.confirmed_idle', run: 1 });
    await clock.settle();
    expect(delivered).toHaveLength(2);
  });

  it('take no answer about traffic that was read for an earlier question', async () => {
    const { clock, queue, begun, delivered } = scene();
    queue.add(task(1, 1, 'traffic.confirm'));
    await clock.settle();
    queue.add(task(2, 1, 'traffic.confirm'));
    await clock.settle();
    begun[0]!.finish({ type: 'traffic.confirmed_idle', run: 1 });
    begun[1]!.finish({ type: 'traffic.active', run: 1, connections: 1 });
    await clock.settle();
    expect(kinds(delivered)).toEqual(['effect.withdrawn', 'traffic.active']);
  });

  it.each(['vmm.inspect', 'instance.remove'] as const)(
    'keep one %s waiting, however often it was asked for',
    async (kind) => {
      const { clock, queue, begun, delivered } = scene();
      queue.add(task(1));
      for (const version of [2, 3, 4]) queue.add(task(version, 1, kind));
      await clock.settle();
      expect(delivered).toMatchObject([
        { type: 'effect.withdrawn', effect: 'a/2/0' },
        { type: 'effect.withdrawn', effect: 'a/3/0' },
      ]);
      begun[0]!.finish(done(begun[0]!.task));
      await clock.settle();
      expect(begun.map(({ task: { id } }) => id)).toEqual(['a/1/0', 'a/4/0']);
    },
  );

  it('whose process may no longer act are told to nobody, and what was kept for them is given back', async () => {
    const made = scene();
    made.queue.add(task(1));
    await made.clock.settle();
    made.mayAct = false;
    made.begun[0]!.finish(done(made.begun[0]!.task));
    await made.clock.settle();
    expect([made.delivered, kinds(made.discarded)]).toEqual([[], ['effect.done']]);
  });

  it('that remove what is not needed any more are not withdrawn with the run: it would lie there for ever', async () => {
    const { clock, queue, begun } = scene();
    queue.add(task(1));
    const effect = { kind: 'snapshot.drop', run: 1, snapshot: 'run-1' } as const;
    queue.add({ ...task(2), effect });
    await clock.settle();
    queue.withdraw(1);
    begun[0]!.finish(done(begun[0]!.task));
    await clock.settle();
    expect(begun.map(({ task: { effect } }) => effect.kind)).toEqual(['vmm.boot', 'snapshot.drop']);
  });

  it('that wait are withdrawn without having begun, each with exactly one answer', async () => {
    const { clock, queue, begun, delivered } = scene();
    for (const one of [task(1, 1), task(2, 1), task(3, 2)]) queue.add(one);
    await clock.settle();
    queue.withdraw(1);
    expect(delivered).toMatchObject([{ type: 'effect.withdrawn', effect: 'a/2/0' }]);
    begun[0]!.finish({ type: 'effect.withdrawn', effect: 'a/1/0', kind: 'vmm.boot', run: 1 });
    await clock.settle();
    expect(begun.map(({ task: { id } }) => id)).toEqual(['a/1/0', 'a/3/0']);
    expect(delivered).toHaveLength(2);
  });

  it('that run hear of their withdrawal and are no longer wanted from that moment on', async () => {
    const { clock, queue, begun } = scene();
    queue.add(task(1));
    await clock.settle();
    const { control } = begun[0]!;
    expect(control.stillWanted()).toBe(true);
    queue.withdraw(1);
    expect(control.signal.aborted).toBe(true);
    expect(control.stillWanted()).toBe(false);
  });

  it('of another run are left alone by a withdrawal', async () => {
    const { clock, queue, begun, delivered } = scene();
    queue.add(task(1, 2));
    await clock.settle();
    queue.withdraw(1);
    expect(begun[0]!.control.stillWanted()).toBe(true);
    expect(delivered).toEqual([]);
  });

  it('that never answer their withdrawal are given up on as unknown, and the next one begins', async () => {
    const { clock, queue, begun, delivered } = scene();
    queue.add(task(1, 1));
    queue.add(task(2, 2, 'vmm.kill'));
    await clock.settle();
    queue.withdraw(1);
    await clock.advance(WITHDRAWN_SETTLE_MAX_MS - 1);
    expect(delivered).toEqual([]);
    await clock.advance(1);
    expect(delivered).toMatchObject([{ type: 'effect.unknown', effect: 'a/1/0', error: { code: 'timed_out' } }]);
    expect(begun.map(({ task: { id } }) => id)).toEqual(['a/1/0', 'a/2/0']);
  });

  it('that answer after they were given up on are not heard a second time', async () => {
    const { clock, queue, begun, delivered } = scene();
    queue.add(task(1));
    await clock.settle();
    queue.withdraw(1);
    await clock.advance(WITHDRAWN_SETTLE_MAX_MS);
    begun[0]!.finish(done(task(1)));
    await clock.settle();
    expect(kinds(delivered)).toEqual(['effect.unknown']);
  });

  it('whose adapter throws end as unknown: it cannot be told what happened', async () => {
    const { clock, queue, begun, delivered } = scene();
    queue.add(task(1));
    await clock.settle();
    begun[0]!.fail(new Error('broken pipe'));
    await clock.settle();
    expect(delivered).toMatchObject([
      { type: 'effect.unknown', error: { code: 'adapter_failed', message: 'broken pipe' } },
    ]);
  });

  it('are not wanted, not begun and not answered once this process may no longer act', async () => {
    const made = scene();
    const { clock, queue, begun, delivered } = made;
    queue.add(task(1));
    queue.add(task(2));
    await clock.settle();
    made.mayAct = false;
    expect(begun[0]!.control.stillWanted()).toBe(false);
    begun[0]!.finish(done(task(1)));
    await clock.settle();
    expect(begun).toHaveLength(1);
    expect(delivered).toEqual([]);
  });
});
