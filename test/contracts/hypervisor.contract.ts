import { describe, it } from 'vitest';
import { runCheck } from './contract-suite.ts';
import { type HypervisorWorld, openScene, type Scene } from './hypervisor.world.ts';
import { bootingChecks } from './hypervisor-booting.contract.ts';
import { endingChecks } from './hypervisor-ending.contract.ts';
import { savingChecks } from './hypervisor-saving.contract.ts';

export type { HypervisorWorld } from './hypervisor.world.ts';

/** One rule of the hypervisor contract, usable without a test runner. Throws when the rule is broken. */
export interface HypervisorCheck {
  readonly name: string;
  readonly run: (scene: Scene) => Promise<void>;
}

/** Every rule of src/actors/contracts/hypervisor.ts that can be observed from outside. */
export const hypervisorChecks: readonly HypervisorCheck[] = [...bootingChecks, ...endingChecks, ...savingChecks];

/** Runs one check in a world of its own; the world is destroyed whatever happens. */
export function runHypervisorCheck(check: HypervisorCheck, make: () => Promise<HypervisorWorld>): Promise<void> {
  return runCheck({ ...check, run: (world) => check.run(openScene(world)) }, make);
}

/** Longest time one check may take: it boots up to four emulated guests. */
const CHECK_LIMIT_MS = 120_000;

/**
 * The suite every hypervisor passes. `make` gives a fresh world for each check; `concurrent`: several are tried at a time.
 */
export function hypervisorContract(
  name: string,
  make: () => Promise<HypervisorWorld>,
  { concurrent } = { concurrent: false },
): void {
  describe(`${name} keeps the hypervisor contract`, { concurrent }, () => {
    for (const check of hypervisorChecks) {
      it(check.name, () => runHypervisorCheck(check, make), CHECK_LIMIT_MS);
    }
  });
}
