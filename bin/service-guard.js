import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

/** Debian's packages ask this program before they start a service; exit code 101 forbids it. */
export const POLICY_PATH = '/usr/sbin/policy-rc.d';

/** How long another installation of ours may hold the guard before we give up. */
const OTHER_WAIT_MAX_MS = 600_000;
const OTHER_POLL_MS = 500;

const HEAD = '#!/bin/sh\n# Written by statevisor while it installs packages: no package starts a service. Owner: ';
const TAIL = '\nexit 101\n';

/**
 * @param {string} text
 * @returns {number | null} process id of the statevisor that wrote it; null when somebody else did
 */
function ownerOf(text) {
  if (!text.startsWith(HEAD) || !text.endsWith(TAIL)) return null;
  return Number.parseInt(text.slice(HEAD.length, -TAIL.length), 10);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}

/**
 * @param {string} path
 * @returns {string | null}
 */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/**
 * Takes the guard. A policy of somebody else's stays untouched and counts as theirs; one that a killed statevisor left
 * behind is replaced; while a living one holds it we wait, or it would be taken away in the middle of our work.
 *
 * @param {string} path
 * @param {{ pid: number, sleep: (ms: number) => void }} self
 * @returns {() => void} gives the guard back
 */
function takeGuard(path, self) {
  for (let waitedMs = 0; waitedMs <= OTHER_WAIT_MAX_MS; waitedMs += OTHER_POLL_MS) {
    try {
      writeFileSync(path, `${HEAD}${self.pid}${TAIL}`, { flag: 'wx', mode: 0o755 });
      chmodSync(path, 0o755);
      return () => {
        if (ownerOf(readIfThere(path) ?? '') === self.pid) rmSync(path, { force: true });
      };
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const owner = ownerOf(readIfThere(path) ?? HEAD + self.pid + TAIL);
    if (owner === null) return () => {};
    if (owner === self.pid || !isAlive(owner)) rmSync(path, { force: true });
    else self.sleep(OTHER_POLL_MS);
  }
  throw new Error(`${path} is held by another installation that does not end.`);
}

/** @param {number} ms */
function sleepSync(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/**
 * Does `work` while no package can start a system service, and puts everything back, also when it fails or when this
 * process is asked to end meanwhile.
 *
 * @template T
 * @param {() => T} work
 * @param {string} [path]
 * @param {{ pid: number, sleep: (ms: number) => void }} [self]
 * @returns {T}
 */
export function withoutServices(work, path = POLICY_PATH, self = { pid: process.pid, sleep: sleepSync }) {
  // The work is synchronous: a signal is delivered after it, when the guard is gone. Without a listener the default
  // action would end this process at once and leave the guard behind.
  /** @type {NodeJS.Signals | null} */
  let ended = null;
  /** @param {NodeJS.Signals} signal */
  const onSignal = (signal) => {
    ended = signal;
  };
  /** @type {readonly NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, onSignal);
  const giveBack = takeGuard(path, self);
  try {
    return work();
  } finally {
    giveBack();
    for (const signal of signals) process.off(signal, onSignal);
    if (ended !== null) process.kill(process.pid, ended);
  }
}
