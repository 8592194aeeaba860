import { installableDebianPackages } from './prepare-debian.js';
import { npmStaleness, staleNpmPackages } from './prepare-npm.js';

/** @typedef {import('./debian-packages.js').DebianPackage} DebianPackage */

/**
 * What would be installed now and why, in lines for the person who is asked. No lines: nothing would.
 *
 * @param {string} dir
 * @param {{ uid: number, run: import('./processes.js').Run }} machine
 * @param {readonly DebianPackage[]} wanted
 * @returns {string[]}
 */
export function installationPlan(dir, machine, wanted) {
  const reason = npmStaleness(dir);
  const debian = installableDebianPackages(machine, wanted);
  const lines = [];
  if (reason !== null) {
    lines.push(`  ${counted(staleNpmPackages(dir).length, 'npm package')}, into node_modules: ${reason}.`);
  }
  if (debian.length > 0) {
    lines.push(`  ${counted(debian.length, 'Debian package')}, with apt-get; no service is started:`);
    const width = Math.max(...debian.map(({ name }) => name.length));
    for (const { name, why } of debian) lines.push(`    ${name.padEnd(width)}  ${why}`);
  }
  return lines.length === 0 ? [] : ['Statevisor needs to install:', ...lines];
}

/**
 * @param {number} count
 * @param {string} thing
 */
function counted(count, thing) {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
