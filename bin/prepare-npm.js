import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Oldest major version of Node that can run the project's TypeScript directly. */
export const NODE_MAJOR_MIN = 24;

/** @typedef {import('./processes.js').Run} Run */
/** @typedef {{ version?: string, optional?: boolean, link?: boolean }} LockedPackage */

/**
 * @param {string} path
 * @returns {Record<string, LockedPackage> | null} null when there is no readable lock file
 */
function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
  } catch {
    return null;
  }
}

/**
 * The installed npm packages that are not what the lock file asks for, each with what is wrong. Compared is what npm
 * itself notes about what it installed. Optional packages may be absent: they are for other platforms.
 *
 * @param {string} dir
 * @returns {{ path: string, why: string }[]}
 */
export function staleNpmPackages(dir) {
  const installed = lockedPackages(join(dir, 'node_modules', '.package-lock.json'));
  const wanted = lockedPackages(join(dir, 'package-lock.json')) ?? {};
  const stale = [];
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '' || entry.link) continue;
    const present = installed?.[path];
    if (present === undefined && entry.optional) continue;
    if (present === undefined || !existsSync(join(dir, path))) stale.push({ path, why: `${path} is missing` });
    else if (present.version !== entry.version) {
      stale.push({ path, why: `${path} is ${present.version}, wanted is ${entry.version}` });
    }
  }
  return stale;
}

/**
 * Why something has to be installed, or null when all is there.
 *
 * @param {string} dir
 * @returns {string | null}
 */
export function npmStaleness(dir) {
  if (lockedPackages(join(dir, 'node_modules', '.package-lock.json')) === null) return 'nothing is installed yet';
  return staleNpmPackages(dir)[0]?.why ?? null;
}

/**
 * Installs the npm packages when they are missing or stale.
 *
 * @param {string} dir
 * @param {Run} run
 * @param {(line: string) => void} say
 * @returns {boolean} false when they could not be installed
 */
export function prepareNpm(dir, run, say) {
  const reason = npmStaleness(dir);
  if (reason === null) return true;
  say(`Installing npm packages: ${reason}.`);
  // Not `npm ci`: it refuses a lock file without the optional packages of every platform, and a registry mirror need not
  // have those. Without saving, npm takes the versions and checksums of the lock file and leaves it as it is.
  const flags = ['--no-save', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  // Engine warnings of the system's older Node are expected, and so not shown: the packages run on the pinned one.
  if (run('npm', ['install', ...flags, '--loglevel=error'], { cwd: dir }).status === 0) return true;
  say('npm install failed.');
  return false;
}

/**
 * The Node to run the project on: the pinned package's binary; where npm was told not to run install scripts, after
 * doing what its script does; else this very Node if it is new enough.
 *
 * @param {string} dir
 * @param {Run} run
 * @param {{ execPath: string, version: string }} current
 * @returns {string | null} path of the binary
 */
export function findNode(dir, run, current = { execPath: process.execPath, version: process.versions.node }) {
  const packageDir = join(dir, 'node_modules', 'node');
  const pinned = join(packageDir, 'bin', 'node');
  if (existsSync(pinned)) return pinned;
  if (existsSync(join(packageDir, 'installArchSpecificPackage.js'))) {
    run(current.execPath, ['installArchSpecificPackage'], { cwd: packageDir });
    if (existsSync(pinned)) return pinned;
  }
  return Number.parseInt(current.version, 10) >= NODE_MAJOR_MIN ? current.execPath : null;
}
