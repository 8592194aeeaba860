import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../actors/contracts/clock.ts';
import {
  hostProcesses,
  isAlive,
  type ProcessIdentity,
  parseStat,
  signalProcess,
} from '../../actors/contracts/process-identity.ts';
import { writePrivately } from '../data-directory.ts';

/** One process of nats-server in a directory of ours: starting it, finding it again, ending it. */

export interface NatsProcess {
  readonly identity: ProcessIdentity;
  /** `nats://127.0.0.1:PORT`, without credentials. */
  readonly server: string;
}

const BINARY = 'nats-server';
export const NATS_USER = 'statevisor';
const READY_WAIT_MS = 10_000;
const LOOK_MS = 25;
const STOP_WAIT_MS = 5_000;
const PAYLOAD_MAX_BYTES = 1_048_576;
/** The server takes any free port. */
export const ANY_PORT = -1;

const startedSchema = z.object({
  pid: z.int().positive(),
  startTicks: z.string(),
  bootId: z.string(),
  server: z.string().nullable(),
});

const passwordFile = (directory: string): string => join(directory, 'password');
const identityFile = (directory: string): string => join(directory, 'server.identity');
const logFile = (directory: string): string => join(directory, 'server.log');

/** The server that runs in this directory already; null when none does. One that a killed daemon left half-way is ended. */
export function findNatsProcess(directory: string): NatsProcess | null {
  const last = lastProcess(directory);
  if (last === null || !isAlive(last.identity)) return null;
  const server = last.server ?? readPorts(directory, last.identity.pid);
  if (server !== null) return { identity: last.identity, server };
  signalProcess(last.identity, 'SIGKILL');
  return null;
}

/** The one that was last started here, alive or not; `server` is null when it was not ready yet. */
function lastProcess(directory: string): { identity: ProcessIdentity; server: string | null } | null {
  try {
    const { server, ...identity } = startedSchema.parse(JSON.parse(readFileSync(identityFile(directory), 'utf8')));
    return { identity, server };
  } catch {
    return null;
  }
}

/** Where the last one listened, so that clients find the next one there too. */
export function lastPort(directory: string): number {
  const server = lastProcess(directory)?.server ?? null;
  return server === null ? ANY_PORT : portOf(server);
}

export function portOf(server: string): number {
  return Number(new URL(server).port);
}

export function readPassword(directory: string): string | null {
  try {
    return readFileSync(passwordFile(directory), 'utf8');
  } catch {
    return null;
  }
}

export function keepPassword(directory: string, password: string): void {
  if (readPassword(directory) !== password) writePrivately(passwordFile(directory), password);
}

/** Resolves once it is ready; null when there is no nats-server on this machine; throws when it does not become ready. */
export async function launchNats(
  directory: string,
  { port, password }: { port: number; password: string },
  clock: Clock,
): Promise<NatsProcess | null> {
  const config = join(directory, 'server.conf');
  writePrivately(config, configText(directory, port, password));
  removePortsFiles(directory);
  const child = await spawnServer(config, logFile(directory));
  return child === null ? null : untilReady(directory, child, clock);
}

function configText(directory: string, port: number, password: string): string {
  return [
    'host: "127.0.0.1"',
    `port: ${port}`,
    'server_name: "statevisor"',
    `jetstream { store_dir: ${JSON.stringify(join(directory, 'jetstream'))} }`,
    `authorization { user: ${NATS_USER}, password: "${password}" }`,
    `ports_file_dir: ${JSON.stringify(directory)}`,
    `max_payload: ${PAYLOAD_MAX_BYTES}`,
    '',
  ].join('\n');
}

function spawnServer(config: string, logPath: string): Promise<ChildProcess | null> {
  const log = openSync(logPath, 'a', 0o600);
  return new Promise((resolve, reject) => {
    const child = spawn(BINARY, ['-c', config], { detached: true, stdio: ['ignore', log, log] });
    child.once('spawn', () => {
      child.unref();
      resolve(child);
    });
    child.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(null) : reject(error)));
  });
}

async function untilReady(directory: string, child: ChildProcess, clock: Clock): Promise<NatsProcess> {
  const { pid } = child;
  const identity = pid === undefined ? null : identityOf(pid);
  if (identity === null) throw new Error(`nats-server ended at once; see ${logFile(directory)}.`);
  const note = (server: string | null): void =>
    writePrivately(identityFile(directory), JSON.stringify({ ...identity, server }));
  note(null);
  const until = clock.monotonic() + READY_WAIT_MS;
  while (clock.monotonic() < until && isAlive(identity)) {
    const server = readPorts(directory, identity.pid);
    if (server !== null) {
      note(server);
      return { identity, server };
    }
    await clock.sleep(LOOK_MS);
  }
  signalProcess(identity, 'SIGKILL');
  throw new Error(`nats-server did not become ready; see ${logFile(directory)}.`);
}

/** Ends it and waits for it; one that does not end is killed. */
export async function endNats({ identity }: NatsProcess, clock: Clock): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    signalProcess(identity, signal);
    const until = clock.monotonic() + STOP_WAIT_MS;
    while (isAlive(identity) && clock.monotonic() < until) await clock.sleep(LOOK_MS);
  }
}

function identityOf(pid: number): ProcessIdentity | null {
  const text = hostProcesses.stat(pid);
  const stat = text === null ? null : parseStat(text);
  return stat === null ? null : { pid, startTicks: stat.startTicks, bootId: hostProcesses.bootId() };
}

function readPorts(directory: string, pid: number): string | null {
  try {
    const text = readFileSync(join(directory, `${BINARY}_${pid}.ports`), 'utf8');
    return (JSON.parse(text) as { nats?: string[] }).nats?.[0] ?? null;
  } catch {
    return null;
  }
}

/** A killed server leaves its ports file behind. */
function removePortsFiles(directory: string): void {
  for (const name of readdirSync(directory))
    if (name.endsWith('.ports')) rmSync(join(directory, name), { force: true });
}
