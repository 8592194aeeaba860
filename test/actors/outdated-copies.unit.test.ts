import { expect, test } from 'vitest';
import { COPY_DEADLINE_MS } from '../../machines/setup.ts';
import type { Outcome } from '../../src/actors/contracts/hypervisor.ts';
import { OPERATOR, runningInstance, simulatedHost } from './simulated-host.ts';

const by = OPERATOR.actor;
const DONE: Outcome = { outcome: 'done', result: null };
const FAILED: Outcome = { outcome: 'failed', error: { code: 'disk_full', message: 'no room' } };

/** A sleeper of which two copies are made, the second after the first was given up: how either ends is up to the test. */
async function twoCopies(second: string) {
  const ends: ((outcome: Outcome) => void)[] = [];
  const host = await simulatedHost(
    {},
    {
      hypervisor: (simulator) => ({
        ...simulator,
        copySnapshot: () => new Promise((end) => ends.push(end)),
      }),
    },
  );
  const id = await runningInstance(host);
  await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
  await host.clock.advance(2_000);
  await host.supervisor.command(id, { type: 'create_snapshot', by, name: 'first' }, OPERATOR);
  await host.clock.advance(COPY_DEADLINE_MS);
  await host.supervisor.command(id, { type: 'create_snapshot', by, name: second }, OPERATOR);
  await host.clock.settle();
  const view = () => host.instances.get(id);
  const names = (): string[] => view()?.snapshots?.map(({ name }) => name) ?? [];
  const end = async (nth: number, outcome: Outcome): Promise<void> => {
    ends[nth]!(outcome);
    await host.clock.settle();
  };
  return { host, id, names, end };
}

test.each(['second', 'first'])(
  'a copy that was given up does not end the next one, %s, which is not begun yet',
  async (name) => {
    const { host, id, names, end } = await twoCopies(name);
    await end(0, DONE);
    expect(names(), 'the one that was asked for is not there').toEqual([]);
    await end(1, FAILED);
    expect(names()).toEqual([]);
    const facts = (await host.records(id)).flatMap((record) => record.facts);
    expect(facts.flatMap((fact) => (fact.type === 'snapshot.failed' ? [[fact.name, fact.message]] : []))).toEqual([
      ['first', 'it took too long'],
      [name, 'no room'],
    ]);
    await host.supervisor.close();
  },
);

test('that a given up copy failed says nothing of the next one', async () => {
  const { host, names, end } = await twoCopies('second');
  await end(0, FAILED);
  await end(1, DONE);
  expect(names()).toEqual(['second']);
  await host.supervisor.close();
});
