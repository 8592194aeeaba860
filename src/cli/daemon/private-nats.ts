import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import {
  hostProcesses,
  isAlive,
  type ProcessIdentity,
  parseStat,
  signalProcess,
} from '../../actors/contracts/process-identity.ts';
import { writePrivately } from '../data-directory.ts';

/**
 * A private nats-server beside the daemon: on a free loopback port, with JetStream and one user only this directory's
 * owner knows. It outlives a killed daemon and is adopted by the next one; a daemon that ends in order ends it.
 */

export interface PrivateNats {
  /** `nats://127.0.0.1:PORT`, without credentials. */
  readonly server: string;
  readonly user: string;
  readonly password: string;
  /** Ends the server and waits for it. */
  stop(): Promise<void>;
}

const BINARY = 'nats-server';
const USER = 'statevisor';
const PASSWORD_BYTES = 24;
const READY_WAIT_MS = 10_000;
const READY_LOOK_MS = 25;
const STOP_WAIT_MS = 5_000;
const PAYLOAD_MAX_BYTES = 1_048_576;

interface Place {
  readonly directory: string;
  readonly config: string;
  readonly identity: string;
  readonly password: string;
}

function placeIn(directory: string): Place {
  return {
    directory,
    config: join(directory, 'server.conf'),
    identity: join(directory, 'server.identity'),
    password: join(directory, 'password'),
  };
}

/** Null when there is no nats-server on this machine; throws when there is one and it does not start. */
export async function startPrivateNats(directory: string, clock: Clock, random: Random): Promise<PrivateNats | null> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const place = placeIn(directory);
  const adopted = adopt(place, clock);
  if (adopted !== null) return adopted;
  const password = random.hex(PASSWORD_BYTES);
  writePrivately(place.password, password);
  writePrivately(place.config, configText(directory, password));
  removePortsFiles(directory);
  const child = await launch(place);
  if (child === null) return null;
  return awaitReady(place, child, password, clock);
}

function configText(directory: string, password: string): string {
  return [
    'host: "127.0.0.1"',
    'port: -1',
    'server_name: "statevisor"',
    `jetstream { store_dir: ${JSON.stringify(join(directory, 'jetstream'))} }`,
    `authorization { user: ${USER}, password: "${password}" }`,
    `ports_file_dir: ${JSON.stringify(directory)}`,
    `max_payload: ${PAYLOAD_MAX_BYTES}`,
    '',
  ].join('\n');
}

function launch(place: Place): Promise<ChildProcess | null> {
  const log = openSync(join(place.directory, 'server.log'), 'a', 0o600);
  return new Promise((resolve, reject) => {
    const child = spawn(BINARY, ['-c', place.config], { detached: true, stdio: ['ignore', log, log] });
    child.once('spawn', () => {
      child.unref();
      resolve(child);
    });
    child.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? resolve(null) : reject(error)));
  });
}

async function awaitReady(place: Place, child: ChildProcess, password: string, clock: Clock): Promise<PrivateNats> {
  const { pid } = child;
  const identity = pid === undefined ? null : identityOf(pid);
  if (identity === null) throw new Error(`nats-server ended at once; see ${join(place.directory, 'server.log')}.`);
  writePrivately(place.identity, JSON.stringify(identity));
  const until = clock.monotonic() + READY_WAIT_MS;
  while (clock.monotonic() < until && isAlive(identity)) {
    const server = readPorts(place.directory, identity.pid);
    if (server !== null) return running(identity, server, password, clock);
    await clock.sleep(READY_LOOK_MS);
  }
  signalProcess(identity, 'SIGKILL');
  throw new Error(`nats-server did not become ready; see ${join(place.directory, 'server.log')}.`);
}

function adopt(place: Place, clock: Clock): PrivateNats | null {
  try {
    const identity = JSON.parse(readFileSync(place.identity, 'utf8')) as ProcessIdentity;
    const server = isAlive(identity) ? readPorts(place.directory, identity.pid) : null;
    return server === null ? null : running(identity, server, readFileSync(place.password, 'utf8'), clock);
  } catch {
    return null;
  }
}

function running(identity: ProcessIdentity, server: string, password: string, clock: Clock): PrivateNats {
  return {
    server,
    user: USER,
    password,
    stop: async () => {
      signalProcess(identity, 'SIGTERM');
      const until = clock.monotonic() + STOP_WAIT_MS;
      while (isAlive(identity) && clock.monotonic() < until) await clock.sleep(READY_LOOK_MS);
      signalProcess(identity, 'SIGKILL');
    },
  };
}

function identityOf(pid: number): ProcessIdentity | null {
  const text = hostProcesses.stat(pid);
  const stat = text === null ? null : parseStat(text);
  return stat === null ? null : { pid, startTicks: stat.startTicks, bootId: hostProcesses.bootId() };
}

function portsFile(directory: string, pid: number): string {
  return join(directory, `${BINARY}_${pid}.ports`);
}

function readPorts(directory: string, pid: number): string | null {
  try {
    const ports = JSON.parse(readFileSync(portsFile(directory, pid), 'utf8')) as { nats?: string[] };
    return ports.nats?.[0] ?? null;
  } catch {
    return null;
  }
}

/** A killed server leaves its ports file behind. */
function removePortsFiles(directory: string): void {
  for (const name of readdirSync(directory))
    if (name.endsWith('.ports')) rmSync(join(directory, name), { force: true });
}
