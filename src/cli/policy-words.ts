import type { InstanceView } from '../projections/instance-view.ts';

/** The policies about sleep in words, as `get` prints them. */

export function standbyWords({ auto_standby: policy }: InstanceView): string | null {
  if (policy === undefined) return null;
  if (policy.enabled !== true) return 'off';
  const sources = policy.ignore_source_cidrs as readonly string[] | undefined;
  const ports = policy.ignore_destination_ports as readonly number[] | undefined;
  const most = policy.max_asleep as { readonly after: string; readonly then: string } | undefined;
  return [
    `after ${policy.idle_timeout} without connections`,
    sources === undefined ? '' : `not counting those from ${sources.join(', ')}`,
    ports === undefined ? '' : `not counting those to ${ports.join(', ')}`,
    most === undefined ? '' : `${most.then} after ${most.after} of sleep`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

export function scheduleWords({ schedules, auto_standby }: InstanceView): string | null {
  if (schedules === undefined) return null;
  const { standby, wake, snapshot } = schedules;
  const at = (what: string, when: { readonly cron: string; readonly time_zone: string } | undefined): string =>
    when === undefined ? '' : `${what} at ${when.cron} (${when.time_zone})`;
  const kept = snapshot === undefined ? '' : `, the newest ${snapshot.keep} kept`;
  // Whose connections nobody counts stays awake.
  const inVain =
    standby === undefined || auto_standby?.enabled === true ? '' : ', nothing comes of it without auto standby';
  return [`${at('standby', standby)}${inVain}`, at('wake', wake), `${at('snapshot', snapshot)}${kept}`]
    .filter((part) => part !== '')
    .join('; ');
}
