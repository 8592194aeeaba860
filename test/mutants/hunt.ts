import type { Mutant, NamedTest } from './mutant.ts';
import { copyProject, type ProjectCopy } from './project-copy.ts';
import { Tester } from './tester.ts';

/** Plants mutants one after the other, several copies of the project side by side, and asks the named test of each. */

export interface Result {
  readonly mutant: Mutant;
  readonly killed: boolean;
  readonly why: string;
}

/** A test that fails of itself would seem to notice everything, so each is run once without any defect. */
class NamedTests {
  readonly #sound = new Map<string, string | null>();

  /** Null when it passes, else why it does not. */
  async whyUnsound(tester: Tester, test: NamedTest, changed: readonly string[]): Promise<string | null> {
    const key = `${test.file}\n${test.title}`;
    const known = this.#sound.get(key);
    if (known !== undefined) return known;
    const { outcome, why } = await tester.ask({ test, changed });
    const unsound = outcome === 'passed' ? null : `without the defect the test does not pass: ${why}`;
    this.#sound.set(key, unsound);
    return unsound;
  }
}

class Hunter {
  readonly #copy: ProjectCopy = copyProject();
  readonly #tester = new Tester(this.#copy.directory);
  readonly #tests: NamedTests;
  /** Taken out again, which the tester has still to hear of. */
  #restored: string[] = [];

  constructor(tests: NamedTests) {
    this.#tests = tests;
  }

  async try(mutant: Mutant): Promise<Result> {
    const unsound = await this.#tests.whyUnsound(this.#tester, mutant.killedBy, this.#restored);
    if (unsound !== null) return { mutant, killed: false, why: unsound };
    try {
      const verdict = await this.#copy.withMutant(mutant, (path) => {
        const changed = [...this.#restored, path];
        this.#restored = [path];
        return this.#tester.ask({ test: mutant.killedBy, changed });
      });
      const why = verdict.outcome === 'passed' ? 'the test passes all the same' : verdict.why;
      return { mutant, killed: verdict.outcome === 'failed', why };
    } catch (error) {
      return { mutant, killed: false, why: error instanceof Error ? error.message : String(error) };
    }
  }

  close(): void {
    this.#tester.close();
    this.#copy.remove();
  }
}

export async function hunt(
  mutants: readonly Mutant[],
  sideBySide: number,
  tell: (result: Result) => void,
): Promise<Result[]> {
  const waiting = mutants.values();
  const tests = new NamedTests();
  const results: Result[] = [];
  const worker = async (): Promise<void> => {
    const hunter = new Hunter(tests);
    try {
      for (const mutant of waiting) {
        const result = await hunter.try(mutant);
        results.push(result);
        tell(result);
      }
    } finally {
      hunter.close();
    }
  };
  await Promise.all(Array.from({ length: sideBySide }, worker));
  return results;
}
