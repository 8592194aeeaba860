import { afterEach, describe, test } from 'vitest';
import { logAppendChecks } from './log-append-checks.ts';
import type { LogCheck, LogSubject } from './log-check.ts';
import { logReadChecks } from './log-read-checks.ts';
import { logSubscribeChecks } from './log-subscribe-checks.ts';
import { logTrimChecks } from './log-trim-checks.ts';

export type { LogSubject } from './log-check.ts';

/** Every promise of the log contract, each by name. */
export const logChecks: readonly LogCheck[] = [
  ...logAppendChecks,
  ...logReadChecks,
  ...logSubscribeChecks,
  ...logTrimChecks,
];

/**
 * Registers every check of the log contract for one implementation. `make` gives an empty log of its own to each
 * check; `reopen` closes it and opens the same storage again; `destroy` closes whatever is open and removes it.
 */
export function logContract(name: string, make: () => Promise<LogSubject>): void {
  describe(`${name} keeps the log contract:`, () => {
    const subjects: LogSubject[] = [];
    afterEach(async () => {
      for (const subject of subjects.splice(0)) await subject.destroy();
    });
    for (const check of logChecks) {
      test(check.rule, async () => {
        const subject = await make();
        subjects.push(subject);
        await check.run(subject);
      });
    }
  });
}
