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

export function scheduleWords({ schedules, schedules_in_vain: inVain = {} }: InstanceView): string | null {
  if (schedules === undefined) return null;
  const { standby, wake, snapshot } = schedules;
  const at = (what: string, when: { readonly cron: string; readonly time_zone: string } | undefined): string =>
    when === undefined ? '' : `${what} at ${when.cron} (${when.time_zone})`;
  const kept = snapshot === undefined ? '' : `, the newest ${snapshot.keep} kept`;
  const vain = (cause: string | undefined): string =>
    cause === undefined ? '' : `, nothing comes of it ${vainWords(cause)}`;
  return [
    `${at('standby', standby)}${vain(inVain.standby)}`,
    `${at('wake', wake)}${vain(inVain.wake)}`,
    `${at('snapshot', snapshot)}${kept}${vain(inVain.snapshot)}`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** What whoever has just set schedules is told at once: of which of them nothing comes, and what would help. */
export function vainScheduleNotes({ name, schedules_in_vain: inVain = {} }: InstanceView): string[] {
  return Object.entries(inVain).map(([schedule, cause]) => {
    const help = cause === 'no policy' ? '; --auto-standby switches that on' : '';
    return `warning: nothing comes of the schedule for ${schedule} of ${name} ${vainWords(cause)}${help}`;
  });
}

/** The causes for which the chart skips minutes again and again. */
const VAIN_WORDS: Readonly<Record<string, string>> = {
  'no policy': 'without auto standby',
  ineligible: 'without a network',
  'not wanted': 'while it is wanted stopped',
  'not running': 'while it is stopped',
  state: 'while it is stopped',
  ignore: 'while it is ignored',
};

function vainWords(cause: string): string {
  return VAIN_WORDS[cause] ?? `(${cause})`;
}
