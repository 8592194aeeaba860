import { existsSync, readFileSync, statSync } from 'node:fs';
import { DataDirectoryError, requireUsable } from '../usable-directory.ts';
import { type Check, ok, problem, warning } from './finding.ts';

/** Whose the data directory is, and what this user may do. */

const OTHERS = 0o077;
/** Bit of CAP_NET_ADMIN in the sets of capabilities that /proc tells. */
const NET_ADMIN_BIT = 12n;

export const checkDirectory: Check = async ({ directory }) => {
  try {
    requireUsable(directory);
  } catch (error) {
    if (!(error instanceof DataDirectoryError)) throw error;
    const [found = '', ...todo] = error.message.split(/(?<=\.) /);
    return [problem('data directory', found, 'No daemon starts on it.', todo.join(' '))];
  }
  const { path } = directory;
  if (!existsSync(path)) return [ok('data directory', `${path} will be made at the first start`)];
  const mode = statSync(path).mode & 0o777;
  if ((mode & OTHERS) === 0) return [ok('data directory', `${path} is ours, writable, and closed to others`)];
  const found = `${path} has the mode 0${mode.toString(8)}`;
  return [
    warning('data directory', found, 'Others may look into it until the next start closes it.', `chmod 700 ${path}`),
  ];
};

export const checkRights: Check = async ({ config }) => {
  const user = `user ${process.geteuid?.() ?? '?'}`;
  if (mayChangeNetwork()) return [ok('rights', `${user} may make bridges and taps (CAP_NET_ADMIN)`)];
  if (config.bridge === null) {
    return [ok('rights', `${user} may not make bridges (no CAP_NET_ADMIN); forwarded ports need no right`)];
  }
  const means = `Guests cannot be attached to the bridge ${config.bridge}.`;
  const remedy = 'Run as root, or give the service AmbientCapabilities=CAP_NET_ADMIN.';
  return [problem('rights', `${user} has no CAP_NET_ADMIN`, means, remedy)];
};

export function mayChangeNetwork(status = readFileSync('/proc/self/status', 'utf8')): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> NET_ADMIN_BIT) & 1n) === 1n;
}
