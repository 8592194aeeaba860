import { type Command, Option as Flag } from 'commander';
import { flagOf, isSwitch, oppositeOf } from './option.ts';
import { SETTINGS } from './settings.ts';

/**
 * Gives a command a flag for every setting, and one that names the file. What is given is read by loadConfig.
 * `listed` false leaves the settings out of its help, where those of `serve` are meant.
 */
export function addConfigFlags(command: Command, { listed = true } = {}): Command {
  command.option('--config <file>', 'configuration file (default: config.yaml in the data directory, if there)');
  for (const key of SETTINGS.keys) {
    for (const flag of flagsOf(key)) command.addOption(flag.hideHelp(!listed));
  }
  return command;
}

function flagsOf(key: string): Flag[] {
  const setting = SETTINGS.option(key);
  const flag = flagOf(key);
  if (isSwitch(setting)) return [new Flag(flag, setting.about), new Flag(oppositeOf(key), 'the opposite')];
  const fallback = setting.default === '' || setting.default === null ? '' : ` (default: ${textOf(setting.default)})`;
  return [new Flag(`${flag} <${setting.placeholder ?? 'value'}>`, `${setting.about}${fallback}`)];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
