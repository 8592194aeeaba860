import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

/**
 * A network namespace that lives as long as a process which does nothing but wait for the end of its input: it goes with
 * the test, however that ends, and no name of it stays on the machine.
 */
export interface Namespace {
  readonly pid: number;
  /** Put before a command, runs it inside. */
  readonly enter: readonly string[];
  /** Runs a command inside; throws with what it printed when it fails. */
  run(...command: readonly string[]): Promise<string>;
  /** Starts a process inside that ends with the namespace at the latest. */
  start(...command: readonly string[]): ChildProcess;
  close(): Promise<void>;
}

const HOLD = 'ip link set dev lo up && echo there && exec cat';

/** `beside` another one, between which devices can be moved. */
export async function openNamespace(beside?: Namespace): Promise<Namespace> {
  const isRoot = process.getuid?.() === 0;
  // Whoever is not root is root in a namespace of users of their own, as far as its network is concerned.
  const asRoot = isRoot ? [] : ['--user', beside === undefined ? '--map-root-user' : '--preserve-credentials'];
  const make = ['unshare', ...(beside === undefined ? asRoot : []), '--net', '/bin/sh', '-c', HOLD];
  const inside = beside === undefined ? [] : ['nsenter', '--target', String(beside.pid), ...asRoot, '--'];
  const [program = '', ...words] = isRoot ? make : [...inside, ...make];
  const holder = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => holder.once('exit', () => resolve()));
  const there = new Promise<void>((resolve) => holder.stdout.once('data', () => resolve()));
  await Promise.race([there, ended]);
  if (holder.pid === undefined || holder.exitCode !== null) throw new Error('No network namespace could be made.');
  const own = isRoot ? ['--net'] : ['--user', '--preserve-credentials', '--net'];
  const enter = ['nsenter', '--target', String(holder.pid), ...own, '--'];
  const started: ChildProcess[] = [];
  return {
    pid: holder.pid,
    enter,
    run: async (...command) => {
      const [file = '', ...args] = [...enter, ...command];
      return (await promisify(execFile)(file, args)).stdout;
    },
    start: (...command) => {
      const [file = '', ...args] = [...enter, ...command];
      const child = spawn(file, args, { stdio: 'ignore' });
      started.push(child);
      return child;
    },
    close: async () => {
      for (const child of started) child.kill('SIGKILL');
      holder.stdin.end();
      await ended;
    },
  };
}
