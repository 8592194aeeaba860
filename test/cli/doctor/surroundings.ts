import { systemClock } from '../../../src/actors/clock.ts';
import type { Clock } from '../../../src/actors/contracts/clock.ts';
import { loadConfig } from '../../../src/cli/config/load-config.ts';
import type { Config } from '../../../src/cli/config/options.ts';
import { dataDirectory } from '../../../src/cli/data-directory.ts';
import type { Surroundings } from '../../../src/cli/doctor/finding.ts';
import type { Ran } from '../../../src/cli/doctor/run-program.ts';

/** A machine as a check sees it; programs answer by their name, and one that is not named is not installed. */
export function surroundings(given: {
  data: string;
  config?: Partial<Config>;
  programs?: Readonly<Record<string, Ran>>;
  environment?: Readonly<Record<string, string>>;
  clock?: Clock;
}): Surroundings {
  const { config } = loadConfig({ flags: {}, environment: {}, systemFile: '' });
  return {
    config: { ...config, ...given.config },
    directory: dataDirectory(given.data),
    environment: given.environment ?? {},
    clock: given.clock ?? systemClock(),
    run: async (program) => given.programs?.[program] ?? { status: null, stdout: '' },
  };
}
