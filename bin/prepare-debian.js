import { readdirSync } from 'node:fs';
import { debianPackages } from './debian-packages.js';
import { withoutServices } from './service-guard.js';

/** @typedef {import('./processes.js').Run} Run */
/** @typedef {import('./debian-packages.js').DebianPackage} DebianPackage */
/** @typedef {{ uid: number, run: Run, say: (line: string) => void, policyPath?: string, listsDir?: string }} Machine */

/** How long to wait for somebody else's use of the package database. */
const DPKG_LOCK_SECONDS = 300;

/**
 * @param {Run} run
 * @param {readonly string[]} [names]
 * @returns {string[]} those of the needed Debian packages that are not installed
 */
export function missingDebianPackages(run, names = debianPackages.map((wanted) => wanted.name)) {
  // dpkg-query ends with 1 as soon as one of the names is unknown to it, and still prints the others.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholders are dpkg-query's own.
  const { stdout } = run('dpkg-query', ['-W', '-f=${db:Status-Status} ${Package}\n', ...names], { quiet: true });
  const installed = new Set(stdout.split('\n'));
  return names.filter((name) => !installed.has(`installed ${name}`));
}

/** @param {string} dir */
function hasPackageLists(dir) {
  try {
    return readdirSync(dir).some((name) => name.endsWith('_Packages') || name.includes('_Packages.'));
  } catch {
    return false;
  }
}

/**
 * Installs the Debian packages that are missing, when this is the superuser of a machine with apt. No package starts
 * a service, now or when the machine starts.
 *
 * @param {Machine} machine
 * @param {readonly DebianPackage[]} [wanted]
 * @returns {string[]} names still missing; each was told with what to do about it
 */
export function prepareDebian(machine, wanted = debianPackages) {
  const { run, say } = machine;
  const names = wanted.map(({ name }) => name);
  const missing = missingDebianPackages(run, names);
  if (missing.length === 0) return [];
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (!hasApt(run)) {
    say(`This machine has no apt-get. Install what these Debian packages hold: ${missing.join(', ')}.`);
    return missing;
  }
  if (machine.uid !== 0) {
    say(`These Debian packages are missing and only root can install them: ${missing.join(', ')}.`);
    say(`Run as root: ${command}`);
    return missing;
  }
  say(`Installing Debian packages: ${missing.join(', ')}.`);
  withoutServices(() => {
    installWithApt(machine, missing);
    // The guard keeps a service from starting now; this keeps it from starting with the machine. One that was
    // installed before is its owner's business.
    for (const { name, service } of debianPackages) {
      if (service !== undefined && missing.includes(name)) run('systemctl', ['disable', service], { quiet: true });
    }
  }, machine.policyPath);
  const left = missingDebianPackages(run, names);
  if (left.length > 0) say(`These Debian packages could not be installed: ${left.join(', ')}. Try as root: ${command}`);
  return left;
}

/** @param {Run} run */
function hasApt(run) {
  return run('apt-get', ['--version'], { quiet: true }).status === 0;
}

/**
 * What `prepareDebian` would install here: nothing where it can only say what is missing.
 *
 * @param {Pick<Machine, 'uid' | 'run'>} machine
 * @param {readonly DebianPackage[]} wanted
 * @returns {DebianPackage[]}
 */
export function installableDebianPackages({ uid, run }, wanted) {
  if (uid !== 0 || !hasApt(run)) return [];
  const missing = missingDebianPackages(
    run,
    wanted.map(({ name }) => name),
  );
  return wanted.filter(({ name }) => missing.includes(name));
}

/**
 * @param {Machine} machine
 * @param {readonly string[]} names
 */
function installWithApt({ run, listsDir = '/var/lib/apt/lists' }, names) {
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  const lock = ['-o', `DPkg::Lock::Timeout=${DPKG_LOCK_SECONDS}`];
  const install = () => run('apt-get', [...lock, 'install', '-y', '--no-install-recommends', ...names], options).status;
  const update = () => run('apt-get', [...lock, 'update'], options);
  const listed = hasPackageLists(listsDir);
  if (!listed) update();
  // Old lists name files that the mirror no longer has: then fresh ones are needed.
  if (install() !== 0 && listed) {
    update();
    install();
  }
}
