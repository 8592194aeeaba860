/** Goal: the tutorial works as written. Method: its commands are run in order; what they print is compared. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { consoleSession, looksLike, type Session, stepsOf } from './console-session.ts';
import { document } from './markdown.ts';
import { normalised } from './normalise.ts';

const steps = stepsOf(document('docs/tutorial/first-vm.md'));
const TUTORIAL_LIMIT_MS = 170_000;

describe('the tutorial', () => {
  let session: Session;
  beforeAll(() => {
    session = consoleSession();
  });
  afterAll(() => session.end());

  test('prints what it says, command by command', { timeout: TUTORIAL_LIMIT_MS }, async () => {
    expect(steps.length).toBeGreaterThan(10);
    for (const step of steps) {
      const printed = await session.run(step);
      if (!looksLike(step.shown, printed)) expect(normalised(printed), step.command).toBe(normalised(step.shown));
    }
  });
});

describe('comparing what is shown with what was printed', () => {
  test('dots stand for any lines, and nothing else does', () => {
    expect(looksLike('...\nb', 'a\na\nb')).toBe(true);
    expect(looksLike('b', 'a\nb')).toBe(false);
    expect(looksLike('a', 'a\nb')).toBe(false);
    expect(looksLike('', '')).toBe(true);
    expect(looksLike('run 1', 'run 2')).toBe(false);
  });
});
