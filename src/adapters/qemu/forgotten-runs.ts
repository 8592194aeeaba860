import { readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Runs that never were, on their way off the disk. */

const FORGOTTEN = '.forgotten-';

/**
 * Sees to it that there never was this run, whose process is gone or will never be. It is out of sight at once, so that it
 * can be taken again; what cannot be removed, because its supervisor writes on, goes with a later run.
 */
export async function forgetRun(directory: string, token: string): Promise<void> {
  const aside = join(dirname(directory), `${FORGOTTEN}${token}`);
  await rename(directory, aside);
  await removeTree(aside).catch(() => undefined);
}

/** Removes what is left of those of an instance: a daemon that dies over it leaves the memory of a guest. */
export async function sweepForgottenRuns(runs: string): Promise<void> {
  const names = (await readdir(runs).catch(() => [])).filter((name) => name.startsWith(FORGOTTEN));
  await Promise.all(names.map((name) => removeTree(join(runs, name)).catch(() => undefined)));
}

/** Removes a directory into which a supervisor may still be writing, which has not heard yet that it is too late. */
export async function removeTree(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}
