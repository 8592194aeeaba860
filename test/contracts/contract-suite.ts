import { describe, it } from 'vitest';

/** What the suites of contracts have in common: rules that are each tried in a world of their own. */

/** One rule of a contract, usable without a test runner. Throws when the rule is broken. */
export interface ContractCheck<World> {
  readonly name: string;
  readonly run: (world: World) => Promise<void>;
}

interface Destroyed {
  destroy(): Promise<void>;
}

/** Runs one check in a world of its own; the world is destroyed whatever happens. */
export async function runCheck<World extends Destroyed>(
  check: ContractCheck<World>,
  make: () => Promise<World>,
): Promise<void> {
  const world = await make();
  try {
    await check.run(world);
  } finally {
    await world.destroy();
  }
}

export interface Suite<World> {
  readonly title: string;
  readonly checks: readonly ContractCheck<World>[];
  /** Gives a fresh world for each check. */
  readonly make: () => Promise<World>;
  /** Longest time one check may take. */
  readonly limitMs: number;
}

export function contractSuite<World extends Destroyed>({ title, checks, make, limitMs }: Suite<World>): void {
  describe(title, () => {
    for (const check of checks) it(check.name, () => runCheck(check, make), limitMs);
  });
}
