import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { createFaultyLog } from '../../src/adapters/log-memory/faulty-log.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { logContract } from '../contracts/log.contract.ts';
import { collect, mustAppend, within } from '../contracts/log-check.ts';

async function makeMemory(wrap = (log: ReturnType<typeof createMemoryLog>) => log) {
  const open = () => wrap(createMemoryLog());
  const log = open();
  return { log, reopen: async () => open(), destroy: () => log.close() };
}

logContract('the memory log', () => makeMemory());
logContract('a faulty log without faults', () => makeMemory(createFaultyLog));

/** True when the promise is still pending after the event loop has gone round a few times. */
async function stillPending(answer: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void answer.then(() => {
    settled = true;
  });
  for (let turn = 0; turn < 5; turn++) await systemClock().turn();
  return !settled;
}

describe('a faulty log', () => {
  test('refuses, loses or doubts exactly the append it was told to', async () => {
    const inner = createMemoryLog();
    const log = createFaultyLog(inner);
    log.fail('refused_full', 1);
    log.fail('unknown_lost', 2);
    log.fail('conflict', 3);
    log.fail('unknown_written', 4);
    expect(await log.append('a', null, '1')).toMatchObject({ kind: 'refused', reason: 'full' });
    expect(await log.append('a', null, '2')).toMatchObject({ kind: 'unknown' });
    expect(await log.append('a', null, '3')).toEqual({ kind: 'conflict', head: null });
    expect(await inner.head('a')).toBeNull();
    expect(await log.append('a', null, '4')).toMatchObject({ kind: 'unknown' });
    expect(await inner.head('a')).toMatchObject({ version: 1, bytes: '4' });
    expect((await mustAppend(log, 'b', null, '5')).version).toBe(1);
    expect(log.appends()).toBe(5);
  });

  test('refuses everything until told otherwise', async () => {
    const log = createFaultyLog(createMemoryLog());
    log.failAll('refused_unavailable');
    for (const stream of ['a', 'b']) {
      expect(await log.append(stream, null, 'x')).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    }
    log.failAll(null);
    expect(await log.append('a', null, 'x')).toMatchObject({ kind: 'appended' });
  });

  test('keeps an append hanging until it is released', async () => {
    const log = createFaultyLog(createMemoryLog());
    log.fail('hang');
    const answer = log.append('a', null, 'x');
    assert.ok(await stillPending(answer));
    expect(await log.head('a')).toBeNull();
    log.release();
    expect(await within('the answer', answer)).toMatchObject({ kind: 'appended' });
  });

  test.each([
    ['die_before', 1],
    ['die_after', 2],
  ] as const)('once it died (%s) answers nothing, and the log beneath holds what was written', async (fault, count) => {
    const inner = createMemoryLog();
    const log = createFaultyLog(inner);
    await mustAppend(log, 'a', null, 'first');
    log.fail(fault);
    const answers = [log.append('b', null, 'last words'), log.append('c', null, 'too late'), log.head('a')];
    for (const answer of answers) assert.ok(await stillPending(answer));
    expect(log.dead()).toBe(true);
    expect(await collect(inner.readAll(null))).toHaveLength(count);
  });
});
