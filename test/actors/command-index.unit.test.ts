import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../src/actors/clock.ts';
import { COMMAND_ID_KEPT_MS, COMMAND_IDS_MAX, CommandIndex } from '../../src/actors/command-index.ts';
import type { Token } from '../../src/actors/contracts/log.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';

const START = Date.UTC(2026, 0, 1, 12);

function scene(): { clock: SimulatedClock; index: CommandIndex; note: (id: string, digest?: string) => void } {
  const clock = new SimulatedClock(START);
  const index = new CommandIndex(clock);
  const note = (id: string, digest = 'd'): void =>
    index.remember(id, { digest, stream: 'a', version: 1, at: clock.now() });
  return { clock, index, note };
}

/** The text of a record of a command, as far as the index reads it. */
function recordText(id: string | null, version: number, at: number): string {
  const command = id === null ? null : { id, digest: 'd' };
  const cause = { actor: 'ann', via: 'http', command };
  return JSON.stringify({ stream: 'a', version, at, state: {}, cause });
}

describe('the index of command ids', () => {
  it('finds an accepted command again, with its record', () => {
    const { index, note } = scene();
    note('one');
    expect(index.find('one', 'd')).toMatchObject({ stream: 'a', version: 1 });
    expect(index.find('two', 'd')).toBeNull();
  });

  it('refuses another payload under a known id', () => {
    const { index, note } = scene();
    note('one', 'first');
    expect(() => index.find('one', 'second')).toThrow(expect.objectContaining({ code: 'idempotency_mismatch' }));
  });

  it('keeps ids for a day and then forgets them', () => {
    const { clock, index, note } = scene();
    note('old');
    clock.step(COMMAND_ID_KEPT_MS);
    note('young');
    expect(index.find('old', 'd')).not.toBeNull();
    clock.step(1);
    note('younger');
    expect(index.find('old', 'd')).toBeNull();
    expect(index.find('young', 'd')).not.toBeNull();
  });

  it('keeps the newest 100,000 ids', () => {
    const { index, note } = scene();
    for (let n = 0; n <= COMMAND_IDS_MAX; n++) note(`id ${n}`);
    expect(COMMAND_IDS_MAX).toBe(100_000);
    expect(index.find('id 0', 'd')).toBeNull();
    expect(index.find('id 1', 'd')).not.toBeNull();
    expect(index.find(`id ${COMMAND_IDS_MAX}`, 'd')).not.toBeNull();
  });

  it('is rebuilt from the log: the commands of the last day, and nothing that is no command', async () => {
    const { clock, index } = scene();
    const log = createMemoryLog();
    const old = await log.append('a', null, recordText('old', 1, START - COMMAND_ID_KEPT_MS - 1));
    if (old.kind !== 'appended') throw new Error(old.kind);
    const young = await log.append('a', old.token, recordText('young', 2, clock.now()));
    if (young.kind !== 'appended') throw new Error(young.kind);
    await log.append('a', young.token, recordText(null, 3, clock.now()));
    await index.rebuild(log);
    expect(index.find('old', 'd')).toBeNull();
    expect(index.find('young', 'd')).toMatchObject({ stream: 'a', version: 2 });
  });

  it('reads the log from its end, and no further than the last day reaches', async () => {
    const { clock, index } = scene();
    const log = createMemoryLog();
    let prev: Token | null = null;
    const put = async (id: string | null, version: number, at: number): Promise<void> => {
      const result = await log.append('a', prev, recordText(id, version, at));
      if (result.kind === 'appended') prev = result.token;
    };
    const old = START - 2 * COMMAND_ID_KEPT_MS;
    for (let version = 1; version <= 5_000; version++) await put(`old ${version}`, version, old);
    await put('young', 5_001, clock.now());
    for (let version = 5_002; version <= 5_010; version++) await put(null, version, old);
    let read = 0;
    await index.rebuild({
      ...log,
      async *readBackwards() {
        for await (const entry of log.readBackwards()) {
          read += 1;
          yield entry;
        }
      },
    });
    expect(index.find('young', 'd')).toMatchObject({ version: 5_001 });
    expect(index.find('old 5000', 'd')).toBeNull();
    expect(read).toBeLessThan(1_000);
  });

  it('does not let a rebuild overwrite what was accepted meanwhile', async () => {
    const { clock, index } = scene();
    const log = createMemoryLog();
    await log.append('a', null, recordText('one', 1, clock.now()));
    index.remember('one', { digest: 'd', stream: 'b', version: 9, at: clock.now() });
    await index.rebuild(log);
    expect(index.find('one', 'd')).toMatchObject({ stream: 'b', version: 9 });
  });

  it('makes a repetition wait for the first one that is still under way, and only for that long', async () => {
    const { index } = scene();
    const first = Promise.withResolvers<void>();
    index.begin('one', 'd', first.promise);
    const waiting = index.underWay('one', 'd');
    expect(waiting).not.toBeNull();
    expect(() => index.underWay('one', 'other')).toThrow(expect.objectContaining({ code: 'idempotency_mismatch' }));
    first.resolve();
    await waiting;
    await Promise.resolve();
    expect(index.underWay('one', 'd')).toBeNull();
  });

  it('lets go of a command that was refused, so that its repetition may act', async () => {
    const { index } = scene();
    const first = Promise.reject(new Error('refused'));
    index.begin('one', 'd', first);
    await index.underWay('one', 'd');
    await Promise.resolve();
    expect(index.underWay('one', 'd')).toBeNull();
    expect(index.find('one', 'd')).toBeNull();
  });
});
