import { describe, expect, test } from 'vitest';
import type { Hypervisor } from '../../src/actors/contracts/hypervisor.ts';
import { SWEEP_MAX_MS } from '../../src/actors/snapshot-sweep.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { OPERATOR, runningInstance, type SimulatedHost, simulatedHost } from './simulated-host.ts';

/** What lies on disk and no record names goes at the next start, and nothing else. */

const by = OPERATOR.actor;
const never = (): Promise<never> => new Promise(() => {});

/** A host on which no snapshot is removed until `mend`: the daemon always dies before it. */
async function hostThatDropsNothing(changes: Partial<Hypervisor> = {}) {
  let broken: Partial<Hypervisor> = { dropSnapshot: never, ...changes };
  const host = await simulatedHost({}, { hypervisor: (simulator) => ({ ...simulator, ...broken }) });
  const disk = createSimulator({ world: host.world, clock: host.clock });
  return {
    host,
    mend: (later: Partial<Hypervisor> = {}): void => {
      broken = later;
    },
    names: async (id: string) => (await disk.listSnapshots(id)).map(({ snapshot }) => snapshot),
  };
}

async function keep(host: SimulatedHost, id: string, ...names: string[]): Promise<void> {
  for (const name of names) {
    await host.supervisor.command(id, { type: 'create_snapshot', by, name }, OPERATOR);
    await host.clock.advance(5_000);
  }
}

async function sleep(host: SimulatedHost, id: string): Promise<void> {
  await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
  await host.clock.advance(5_000);
}

const removedIn = ({ problems }: SimulatedHost): string[] =>
  problems.flatMap((line) => /^Snapshot (\S+), which no record names/.exec(line)?.[1] ?? []);

describe('a start removes', () => {
  test('a named snapshot that was deleted, although the daemon ended before it was gone', async () => {
    const { host, mend, names } = await hostThatDropsNothing();
    const id = await runningInstance(host);
    await keep(host, id, 'one', 'other');
    await host.supervisor.command(id, { type: 'delete_snapshot', by, name: 'one' }, OPERATOR);
    await host.clock.settle();
    expect(await names(id)).toEqual(['one', 'other']);
    mend();
    await host.restart();
    expect([await names(id), removedIn(host)]).toEqual([['other'], ['one']]);
    expect(host.instances.get(id)?.phase).toBe('running');
    await host.restart();
    expect(removedIn(host), 'once').toEqual(['one']);
  });

  test('what a guest slept in that was stopped then, of an instance at rest', async () => {
    const { host, mend, names } = await hostThatDropsNothing();
    const id = await runningInstance(host);
    await sleep(host, id);
    await host.supervisor.command(id, { type: 'stop', by }, OPERATOR);
    await host.clock.settle();
    expect([host.instances.get(id)?.phase, await names(id)]).toEqual(['stopped', ['run-1']]);
    mend();
    await host.restart();
    expect([await names(id), removedIn(host)]).toEqual([[], ['run-1']]);
    expect(host.supervisor.status().resident).toBeLessThanOrEqual(1);
  });

  test('nothing of an instance that keeps what it has: a sleeper, its named ones, a snapshot being made', async () => {
    const { host, names } = await hostThatDropsNothing();
    const [sleeper, busy] = [await runningInstance(host), await runningInstance(host, { name: 'busy' })];
    await keep(host, sleeper, 'kept');
    await sleep(host, sleeper);
    await host.control.setFault(busy, 'snapshot', { slow: 30_000 });
    await host.supervisor.command(busy, { type: 'standby', by }, OPERATOR);
    await host.restart();
    expect([await names(sleeper), removedIn(host)]).toEqual([['kept', 'run-1'], []]);
  });

  test('nothing that a fork has still to copy, although its source has given it up', async () => {
    const { host, mend, names } = await hostThatDropsNothing({ forkSnapshot: never });
    const id = await runningInstance(host);
    await keep(host, id, 'forked');
    const { context } = await host.supervisor.look(id);
    const twin = { ...context.definition!, name: 'twin' };
    await host.supervisor.create(twin, 'running', OPERATOR, { instance: id, snapshot: 'forked' });
    await host.clock.settle();
    await host.supervisor.command(id, { type: 'delete_snapshot', by, name: 'forked' }, OPERATOR);
    mend({ forkSnapshot: never });
    await host.restart();
    expect([await names(id), removedIn(host)]).toEqual([['forked'], []]);
    mend();
    await host.restart();
    await host.clock.advance(5_000);
    expect(host.instances.list().map(({ name, phase }) => [name, phase])).toEqual([
      ['web', 'running'],
      ['twin', 'running'],
    ]);
  });

  test('nothing of an instance whose last record cannot be read, nor of one that is set aside', async () => {
    const { host, mend, names } = await hostThatDropsNothing();
    const [unread, aside] = [await runningInstance(host), await runningInstance(host, { name: 'aside' })];
    for (const id of [unread, aside]) {
      await keep(host, id, 'one');
      await host.supervisor.command(id, { type: 'delete_snapshot', by, name: 'one' }, OPERATOR);
    }
    host.supervisor.observe(aside, { type: 'instance.quarantined', error: 'a rule threw' });
    await host.clock.settle();
    mend();
    const { log } = host;
    await host.restart({
      log: {
        ...log,
        survives: log.survives,
        heads: async function* () {
          for await (const head of log.heads()) yield head.stream === unread ? { ...head, bytes: '{}' } : head;
        },
      },
    });
    expect([await names(unread), await names(aside), removedIn(host)]).toEqual([['one'], ['one'], []]);
  });
});

describe('a removal', () => {
  test('keeps what is asked for meanwhile waiting, so that a snapshot of the same name is not lost', async () => {
    const { host, mend, names } = await hostThatDropsNothing();
    const id = await runningInstance(host);
    await keep(host, id, 'one');
    await host.supervisor.command(id, { type: 'delete_snapshot', by, name: 'one' }, OPERATOR);
    await host.clock.settle();
    const dropping = Promise.withResolvers<void>();
    const disk = createSimulator({ world: host.world, clock: host.clock });
    mend({
      dropSnapshot: async (...given) => {
        await dropping.promise;
        return disk.dropSnapshot(...given);
      },
    });
    await host.restart();
    await host.supervisor.command(id, { type: 'create_snapshot', by, name: 'one' }, OPERATOR);
    await host.clock.advance(5_000);
    expect(host.instances.get(id)?.snapshots, 'it waits').toBeUndefined();
    dropping.resolve();
    await host.clock.advance(5_000);
    expect([host.instances.get(id)?.snapshots, await names(id)]).toMatchObject([[{ name: 'one' }], ['one']]);
  });

  test('that hangs keeps its instance waiting for so long, and no other', async () => {
    const { host, mend, names } = await hostThatDropsNothing();
    const ids = [await runningInstance(host), await runningInstance(host, { name: 'other' })];
    for (const id of ids) {
      await keep(host, id, 'one');
      await host.supervisor.command(id, { type: 'delete_snapshot', by, name: 'one' }, OPERATOR);
    }
    const disk = createSimulator({ world: host.world, clock: host.clock });
    mend({ dropSnapshot: (id, given) => (id === ids[0] ? never() : disk.dropSnapshot(id, given)) });
    await host.restart();
    expect(await names(ids[1]!)).toEqual([]);
    await host.supervisor.command(ids[0]!, { type: 'stop', by, force: true }, OPERATOR);
    await host.clock.settle();
    expect(host.instances.get(ids[0]!)?.phase).toBe('stopping');
    await host.clock.advance(SWEEP_MAX_MS);
    expect(host.instances.get(ids[0]!)?.phase).toBe('stopped');
    expect(host.problems.at(-1)).toContain('were not looked through');
  });

  test('whose second look hangs keeps its instance waiting no longer, and removes nothing afterwards', async () => {
    const { host, mend, names } = await hostThatDropsNothing();
    const id = await runningInstance(host);
    await keep(host, id, 'one');
    await host.supervisor.command(id, { type: 'delete_snapshot', by, name: 'one' }, OPERATOR);
    await host.clock.settle();
    const disk = createSimulator({ world: host.world, clock: host.clock });
    const answered = Promise.withResolvers<void>();
    let looks = 0;
    mend({
      listSnapshots: async (instance) => {
        looks += 1;
        const listed = await disk.listSnapshots(instance);
        if (looks > 1) await answered.promise;
        return listed;
      },
    });
    await host.restart();
    await host.supervisor.command(id, { type: 'create_snapshot', by, name: 'one' }, OPERATOR);
    await host.clock.advance(SWEEP_MAX_MS);
    await host.clock.advance(5_000);
    expect(host.instances.get(id)?.snapshots).toMatchObject([{ name: 'one' }]);
    answered.resolve();
    await host.clock.settle();
    expect([await names(id), removedIn(host)]).toEqual([['one'], []]);
    expect(host.problems.at(-1)).toContain('were not looked through');
  });

  test('is not tried with a hypervisor that tells nothing, over and over', async () => {
    const { host, mend } = await hostThatDropsNothing();
    for (let n = 0; n < 20; n++) await runningInstance(host, { name: `vm-${n}` });
    let asked = 0;
    mend({
      listSnapshots: async () => {
        asked += 1;
        throw new Error('nobody is there');
      },
    });
    await host.restart();
    expect(asked).toBeLessThan(20);
    expect(host.problems.filter((line) => line.includes('were not looked through')).length).toBe(asked);
  });
});
