import { describe, expect, test } from 'vitest';
import { logChecks } from './log.contract.ts';
import type { Lie } from './lying-log.ts';
import { LIES } from './lying-logs.ts';

/** Whether the named check fails on the lying log. */
async function isCaught({ breaks, make, reopen }: Lie): Promise<boolean> {
  const check = logChecks.find(({ rule }) => rule === breaks);
  if (check === undefined) throw new Error(`no check is called "${breaks}"`);
  const log = make();
  try {
    await check.run({ log, reopen: async () => reopen?.(log) ?? make(), destroy: () => log.close() });
    return false;
  } catch {
    return true;
  } finally {
    await log.close();
  }
}

describe('the log contract catches a log that', () => {
  for (const lie of LIES) {
    test.concurrent(lie.lie, async () => {
      expect(await isCaught(lie)).toBe(true);
    });
  }
});

test('every check of the log contract but those of plain service is broken by some lie', () => {
  const broken = new Set(LIES.map((lie) => lie.breaks));
  const unbroken = logChecks.map((check) => check.rule).filter((rule) => !broken.has(rule));
  expect(unbroken).toEqual([
    'an append that may use reserved room is like any other while there is room',
    'the head of a stream is its last entry, and heads lists each once',
    'a stream of many pages reads whole and in order',
  ]);
});
