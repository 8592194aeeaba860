import type { Command } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import { ConfigError } from '../config/config-error.ts';
import { addConfigFlags } from '../config/flags.ts';
import { loadConfig } from '../config/load-config.ts';
import { dataDirectory } from '../data-directory.ts';
import { examine, findingLines } from '../doctor/examine.ts';
import { type Finding, ok, problem } from '../doctor/finding.ts';
import { programRunner } from '../doctor/run-program.ts';
import type { Output } from '../output.ts';

const STATUS_PROBLEMS = 1;

export function addDoctor(program: Command, output: Output): void {
  const doctor = program
    .command('doctor')
    .description('look at this machine as `serve` with the same flags would use it; changes nothing');
  addConfigFlags(doctor, { listed: false })
    .option('--json', 'print JSON')
    .action(async (flags: Record<string, unknown>) => {
      const { config, findings } = configured(flags);
      const environment = process.env;
      const around = { config, environment, clock: systemClock(), run: programRunner(environment) };
      findings.push(...(await examine({ ...around, directory: dataDirectory(config.data) })));
      if (flags.json === true) output.line(JSON.stringify({ findings }));
      else for (const line of findingLines(findings)) output.line(line);
      if (findings.some(({ verdict }) => verdict === 'problem')) process.exitCode = STATUS_PROBLEMS;
    });
}

/** A configuration with a mistake is a finding; the rest is looked at as if nothing were configured. */
function configured(flags: Record<string, unknown>): {
  config: ReturnType<typeof loadConfig>['config'];
  findings: Finding[];
} {
  try {
    const { config, file } = loadConfig({ flags, environment: process.env });
    return { config, findings: [ok('configuration', file ?? 'no file; flags, environment and defaults')] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const findings = error.problems.map(({ where, key, message }) => {
      const found = [where, key, message].filter((part) => part !== '').join(': ');
      return problem(
        'configuration',
        found,
        'No daemon starts with it.',
        'Correct it; `statevisor config check` looks again.',
      );
    });
    return { config: loadConfig({ flags: {}, environment: {}, systemFile: '' }).config, findings };
  }
}
