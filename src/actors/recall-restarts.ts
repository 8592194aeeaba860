import { RESTART_HISTORY_MAX } from '../../machines/context.ts';
import type { Log } from './contracts/log.ts';
import type { HostLife } from './host-life.ts';
import { type Head, readRecords } from './records.ts';

/**
 * Which automatic restarts a former process made that still count towards the budget of the host. The head of an
 * instance names its latest ones; only when all of those count are its older records read, too.
 */

const PAGE = 256;

export async function recallRestarts(
  log: Log,
  life: Pick<HostLife, 'restartsSince' | 'recallRestarts'>,
  head: Head,
): Promise<void> {
  const since = life.restartsSince();
  if (since === null) return;
  const { history } = head.snapshot.context.restart;
  const [oldest] = history;
  const mayBeMore = history.length === RESTART_HISTORY_MAX && oldest !== undefined && oldest.at > since;
  life.recallRestarts(mayBeMore ? await attemptsSince(log, head, since) : history);
}

/** Page by page towards the beginning; what retention has removed is not there to be counted. */
async function attemptsSince(log: Log, { stream, version }: Head, since: number): Promise<{ readonly at: number }[]> {
  const attempts: { readonly at: number }[] = [];
  for (let last = version; last > 0; last -= PAGE) {
    const first = Math.max(1, last - PAGE + 1);
    const page = await readRecords(log, stream, { fromVersion: first, limit: last - first + 1 });
    const recent = page.filter(({ at, version: number }) => at > since && number <= last);
    for (const { at, facts } of recent)
      if (facts.some(({ type }) => type === 'restart.attempted')) attempts.push({ at });
    if (recent.length < last - first + 1) break;
  }
  return attempts;
}
