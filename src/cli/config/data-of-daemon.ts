import { variableOf } from './option.ts';
import { OPTIONS } from './options.ts';
import { findConfigFile, readConfigFile, SYSTEM_FILE } from './read-file.ts';

/**
 * The data directory of the daemon that a command means, by the precedence of every setting. Only a file outside that
 * directory can name it.
 */
export function dataOfDaemon(
  flag: string | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
  systemFile = SYSTEM_FILE,
): string {
  const direct = flag ?? (environment[variableOf('data')] || undefined);
  if (direct !== undefined) return direct;
  const place = findConfigFile(environment.STATEVISOR_CONFIG || undefined, OPTIONS.data.default, systemFile);
  const setting = place === null || place.inside ? undefined : readConfigFile(place.path).settings.get('data');
  return OPTIONS.data.schema.parse(setting?.given ?? OPTIONS.data.default);
}
