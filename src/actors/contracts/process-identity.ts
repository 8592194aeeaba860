import { readFileSync } from 'node:fs';

/**
 * Who a process is, safely after its pid was given to another one: the pid, when it started (clock ticks since the
 * host's boot, field 22 of /proc/PID/stat) and which boot of the host that was.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
}

/** Where processes are looked up; tests give their own. */
export interface ProcessTable {
  /** Text of /proc/PID/stat; null when there is no such process. */
  stat(pid: number): string | null;
  /** Identity of the present boot of the host. */
  bootId(): string;
  /** Sends a signal; false when the process is gone. */
  signal(pid: number, signal: NodeJS.Signals): boolean;
}

interface ProcessStat {
  readonly pid: number;
  /** Of its first thread. */
  readonly state: string;
  /** How many of its threads are not gone, with the first one. */
  readonly threads: number;
  readonly startTicks: string;
}

const BOOT_ID_FILE = '/proc/sys/kernel/random/boot_id';
const BOOT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** States of a thread that runs no more: zombie, and dead on its way out. */
const GONE_STATES: readonly string[] = ['Z', 'X', 'x'];
/** Fields after the command's closing bracket: the state is field 3, the number of threads field 20, the start time field 22. */
const THREADS_INDEX = 20 - 3;
const START_TICKS_INDEX = 22 - 3;
const NUMBER = /^\d+$/;

function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The processes of this machine. */
export const hostProcesses: ProcessTable = {
  stat: (pid) => {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8');
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ESRCH')) return null;
      throw error;
    }
  },
  bootId: () => readFileSync(BOOT_ID_FILE, 'utf8').trim(),
  signal: (pid, signal) => {
    try {
      return process.kill(pid, signal);
    } catch (error) {
      if (isErrno(error, 'ESRCH')) return false;
      throw error;
    }
  },
};

/** Reads a line of /proc/PID/stat. The command in brackets may itself hold spaces and brackets. Null when malformed. */
export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf(' (');
  const close = text.lastIndexOf(') ');
  if (open <= 0 || close < open) return null;
  const fields = text
    .slice(close + 2)
    .trim()
    .split(' ');
  const pid = text.slice(0, open);
  const { 0: state = '', [THREADS_INDEX]: threads = '', [START_TICKS_INDEX]: startTicks = '' } = fields;
  if (![pid, threads, startTicks].every((text) => NUMBER.test(text))) return null;
  return { pid: Number(pid), state, threads: Number(threads), startTicks };
}

/** Reads what the supervisor wrote: the boot id in the first line, the stat line in the second. Null when incomplete. */
export function parseIdentity(text: string): ProcessIdentity | null {
  const lines = text.split('\n');
  const bootId = lines[0] ?? '';
  // Two complete lines leave an empty third piece.
  if (lines.length < 3 || !BOOT_ID.test(bootId)) return null;
  const stat = parseStat(lines[1] ?? '');
  return stat === null ? null : { pid: stat.pid, startTicks: stat.startTicks, bootId };
}

/**
 * Whether any of its threads may still run. Threads of a killed process end one by one: while the first one is a zombie
 * already, another may still write, and hold open what the process has open.
 */
export function isRunning({ state, threads }: ProcessStat): boolean {
  return !GONE_STATES.includes(state) || threads > 1;
}

/** Whether exactly this process runs now. A zombie, a later process with its pid, another boot of the host: no. */
export function isAlive(identity: ProcessIdentity, processes: ProcessTable = hostProcesses): boolean {
  if (identity.bootId !== processes.bootId()) return false;
  const text = processes.stat(identity.pid);
  const stat = text === null ? null : parseStat(text);
  return stat !== null && stat.startTicks === identity.startTicks && isRunning(stat);
}

/** Sends a signal to exactly this process; false when it is gone. */
export function signalProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  processes: ProcessTable = hostProcesses,
): boolean {
  return isAlive(identity, processes) && processes.signal(identity.pid, signal);
}
