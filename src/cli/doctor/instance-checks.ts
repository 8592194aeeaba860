import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { LIST_LIMIT_MAX } from '../../gateway/requests/target.ts';
import { type Endpoints, isServed, readEndpoints } from '../data-directory.ts';
import { askDaemon } from './ask-daemon.ts';
import { type Check, type Finding, ok, warning } from './finding.ts';

/**
 * Directories of instances that the log does not know: of another log that this data directory was used with, or of one
 * that was lost. The daemon leaves them alone, since it cannot tell whose they are and VMs may run in them.
 */

const CHECK = 'instances';
const MIB = 1024 ** 2;
/** What is on the disk is counted in blocks of this size, whatever the file system calls one: memory is a sparse file. */
const BLOCK_BYTES = 512;
/** So many are named and measured; of further ones it is told how many there are. */
export const STRAYS_NAMED_MAX = 16;

export const checkInstances: Check = async ({ directory }) => {
  const endpoints = readEndpoints(directory);
  // Read before the daemon is asked: a record of an instance is older than its directory.
  const present = namesIn(directory.instances);
  if (present.length === 0) return [];
  if (endpoints === null || !isServed(endpoints)) {
    return [ok(CHECK, `${present.length} directories; which of them the log knows is told while the daemon runs`)];
  }
  const known = await knownTo(endpoints);
  const strays = present.filter((name) => !known.has(name));
  if (strays.length === 0) return [ok(CHECK, `${present.length} directories, each of an instance that the log knows`)];
  const findings: Finding[] = [];
  for (const name of strays.slice(0, STRAYS_NAMED_MAX)) {
    // One that was made since, or cannot be listed, is known all the same.
    if ((await askDaemon(endpoints, `/v1/instances/${encodeURIComponent(name)}`)) === null) {
      findings.push(strayFound(join(directory.instances, name)));
    }
  }
  const more = strays.length - STRAYS_NAMED_MAX;
  if (more > 0) findings.push(warning(CHECK, `${more} more directories that the log does not know`, MEANS, LOOK));
  return findings;
};

const MEANS =
  'The log does not know it: the directory was used with another log, or that was lost. The daemon leaves it.';
const LOOK = 'Look at them once those that are named are gone.';

function strayFound(path: string): Finding {
  const found = `${path}, ${Math.ceil(bytesBelow(path) / MIB)} MiB, belongs to no instance`;
  const pids = processesOf(path);
  const remedy =
    pids.length === 0
      ? 'No process works in it. Remove it, unless this directory is used with the other log again.'
      : `Something runs in it, with pid ${pids.join(', ')}: start the daemon with its log, or end that first.`;
  return warning(CHECK, found, MEANS, remedy);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

const pageSchema = z.object({ instances: z.array(z.object({ id: z.string() })), next: z.string().nullable() });

async function knownTo(endpoints: Endpoints): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  for (let after: string | null = ''; after !== null; ) {
    const path = `/v1/instances?limit=${LIST_LIMIT_MAX}&after=${encodeURIComponent(after)}`;
    const page: z.infer<typeof pageSchema> = pageSchema.parse(await askDaemon(endpoints, path));
    for (const { id } of page.instances) known.add(id);
    after = page.next;
  }
  return known;
}

/** What it takes of the disk; what goes meanwhile takes nothing. */
function bytesBelow(path: string): number {
  try {
    const stat = lstatSync(path);
    const own = stat.blocks * BLOCK_BYTES;
    if (!stat.isDirectory()) return own;
    return readdirSync(path).reduce((sum, name) => sum + bytesBelow(join(path, name)), own);
  } catch {
    return 0;
  }
}

/** Those that were started with a path in it, as a VMM and what watches it are. */
function processesOf(directory: string): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${directory}/`) ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}
