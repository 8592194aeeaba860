import { debianPackages } from './debian-packages.js';
import { prepareDebian } from './prepare-debian.js';
import { findNode, NODE_MAJOR_MIN, prepareNpm } from './prepare-npm.js';
import { projectDir, run } from './processes.js';

/** @param {string} line */
function say(line) {
  process.stderr.write(`statevisor: ${line}\n`);
}

/**
 * Makes sure that the npm packages are there and answers the Node to run the project on. Ends this process with a
 * clear line when that is impossible.
 *
 * @returns {string}
 */
export function prepareNode() {
  const ready = prepareNpm(projectDir, run, say);
  const node = ready ? findNode(projectDir, run) : null;
  if (node !== null) return node;
  say(
    `There is no Node ${NODE_MAJOR_MIN} or newer to run on. Run "npm install" in ${projectDir} and read what it says.`,
  );
  process.exit(1);
}

/** Who runs this. */
export const uid = process.getuid?.() ?? -1;

/**
 * @param {readonly import('./debian-packages.js').DebianPackage[]} [wanted]
 * @returns {string[]} Debian packages that are still missing after trying
 */
export function prepareSystem(wanted = debianPackages) {
  return prepareDebian({ uid, run, say }, wanted);
}
