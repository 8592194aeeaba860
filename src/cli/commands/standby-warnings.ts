import type { StandbyReport } from '../../gateway/use-cases/standby-status.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Client } from '../client.ts';
import type { Output } from '../output.ts';
import { vainScheduleNotes } from '../policy-words.ts';
import { unwatchedNotes } from '../standby-words.ts';
import { instancePath, type Options } from './command.ts';

/** Whoever has just said when a guest is to sleep is told at once where nothing will come of it. With `--json` the views say so. */
export async function warnOfSleeplessness(
  { client, output }: { readonly client: Client; readonly output: Output },
  options: Options,
  view: InstanceView,
): Promise<void> {
  if (options.json === true) return;
  for (const line of vainScheduleNotes(view)) output.note(line);
  if (view.auto_standby?.enabled !== true) return;
  const path = `${instancePath(view.id)}/auto-standby/status`;
  // What was asked for is done: that it cannot be looked at any more is no failure of it.
  const report = (await client.call('GET', path).catch(() => null)) as StandbyReport | null;
  if (report !== null) for (const line of unwatchedNotes(view.name, report)) output.note(line);
}
