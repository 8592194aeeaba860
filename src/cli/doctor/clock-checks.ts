import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, type Finding, ok, type Surroundings, warning } from './finding.ts';

/** The wall clock: whether it runs evenly, whether somebody sets it, and whether it was set back. */

const WATCH_MS = 250;
/** How far wall and monotonic clock may part while they are watched. */
export const DRIFT_MAX_MS = 20;
/** Files may be stamped by a clock that ticks coarsely. */
export const AHEAD_MAX_MS = 2_000;

export const checkClock: Check = async (around) => [
  await evenness(around),
  await synchronisation(around),
  ...setBack(around),
];

async function evenness({ clock }: Surroundings): Promise<Finding> {
  const [wall, monotonic] = [clock.now(), clock.monotonic()];
  await clock.sleep(WATCH_MS);
  const drift = Math.round(clock.now() - wall - (clock.monotonic() - monotonic));
  if (Math.abs(drift) <= DRIFT_MAX_MS) return ok('clock', 'runs evenly');
  const means = 'Deadlines follow the wall clock: backoffs, expiries and stability windows come early or late.';
  return warning('clock', `stepped by ${drift} ms while it was watched`, means, 'Find out who sets it.');
}

async function synchronisation({ run }: Surroundings): Promise<Finding> {
  const { status, stdout } = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
  const answer = stdout.trim();
  if (status !== 0 || (answer !== 'yes' && answer !== 'no')) {
    return ok('time', 'nobody here can say whether the clock is synchronised');
  }
  if (answer === 'yes') return ok('time', 'the clock is synchronised');
  const means = 'Times in records of several hosts cannot be compared.';
  return warning(
    'time',
    'the clock is not synchronised',
    means,
    'Run a time service: apt-get install systemd-timesyncd',
  );
}

/** Something written in the future means that the clock was ahead then, or is behind now. */
function setBack({ directory, clock }: Surroundings): Finding[] {
  if (!existsSync(directory.log)) return [];
  const times = readdirSync(directory.log).map((name) => statSync(join(directory.log, name)).mtimeMs);
  const ahead = Math.round(Math.max(0, ...times) - clock.now());
  if (ahead <= AHEAD_MAX_MS) return [];
  const means = 'Records keep their order: their times stand still until the clock has caught up.';
  return [
    warning('clock', `is ${ahead} ms behind what was last written to the log`, means, 'Check date and time zone.'),
  ];
}
