import { hash } from 'node:crypto';
import { existsSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { z } from 'zod';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import { fileJournal } from './journal.ts';
import { type LineWriter, lineWriter, readLines } from './json-lines.ts';
import { clientLineSchema } from './wire.ts';
import { createWorld, type World } from './world.ts';
import { findWorldProcess, shortSocketPath, startTimeOf, worldPaths } from './world-place.ts';

export interface WorldHost {
  readonly directory: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Called once when the world is over: it was told to end, or its directory is gone. */
  readonly onEnd: () => void;
  /** Called with what ended a client's connection, for whoever looks into the host's log. */
  readonly onClientError: (error: Error) => void;
}

/** Connections at a time; more are refused. */
const CLIENTS_MAX = 64;
/** How often the host looks whether its directory still is its own, in ms. */
const DIRECTORY_CHECK_MS = 2_000;

interface Client {
  readonly socket: Socket;
  readonly writer: LineWriter;
  role: 'owner' | 'control' | null;
}

interface Hosting {
  readonly world: World;
  readonly clients: Set<Client>;
  readonly end: () => void;
  readonly onClientError: (error: Error) => void;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/**
 * Makes this process the only host of a directory's world, through a name that the kernel frees when the process
 * dies. Null when another process is its host.
 */
async function takeDirectory(directory: string): Promise<Server | null> {
  const lock = createServer((socket) => socket.destroy());
  try {
    await listen(lock, `\0statevisor-world-${hash('sha256', realpathSync(directory), 'hex')}`);
    return lock;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    throw error;
  }
}

/**
 * Hosts the world of a data directory in this process, until it is told to end or the directory goes away. Answers
 * false when another process hosts it already, or there is no directory.
 */
export async function hostWorld(host: WorldHost): Promise<boolean> {
  const paths = worldPaths(host.directory);
  // Whoever starts a host makes the directory. One that starts late must not bring a removed directory back.
  if (!existsSync(paths.directory)) return false;
  const lock = await takeDirectory(paths.directory);
  if (lock === null) return false;
  const world = createWorld({ ...host, journal: fileJournal(paths.journal) });
  const clients = new Set<Client>();
  const server = createServer();
  const inode = statSync(paths.directory).ino;
  let over = false;
  const end = (): void => {
    if (over) return;
    over = true;
    for (const { socket } of clients) socket.destroy();
    server.close();
    lock.close();
    world.end();
    if (findWorldProcess(host.directory)?.pid === process.pid) rmSync(paths.identity, { force: true });
    host.onEnd();
  };
  const hosting: Hosting = { world, clients, end, onClientError: host.onClientError };
  server.on('connection', (socket) => welcome(hosting, socket));
  world.observe((observation) => {
    for (const client of clients) if (client.role === 'owner') client.writer.write({ observation });
  });
  rmSync(paths.socket, { force: true });
  const short = shortSocketPath(paths);
  await listen(server, short.path);
  short.release();
  writeFileSync(`${paths.identity}.new`, JSON.stringify({ pid: process.pid, start_time: startTimeOf(process.pid) }));
  renameSync(`${paths.identity}.new`, paths.identity);
  watchDirectory(host.clock, paths.directory, inode, end);
  return true;
}

/** Ends the world when its directory was removed, so that no host outlives what it hosts. */
function watchDirectory(clock: Clock, directory: string, inode: number, end: () => void): void {
  const look = (): void => {
    if (statSync(directory, { throwIfNoEntry: false })?.ino === inode) clock.after(DIRECTORY_CHECK_MS, look);
    else end();
  };
  clock.after(DIRECTORY_CHECK_MS, look);
}

function welcome(hosting: Hosting, socket: Socket): void {
  if (hosting.clients.size >= CLIENTS_MAX) {
    socket.destroy();
    return;
  }
  const client: Client = { socket, writer: lineWriter(socket), role: null };
  hosting.clients.add(client);
  socket.on('error', hosting.onClientError);
  socket.on('close', () => leave(hosting, client));
  readLines(socket, (value) => serve(hosting, client, clientLineSchema.parse(value)));
}

function leave({ world, clients }: Hosting, client: Client): void {
  clients.delete(client);
  world.abandon(client);
}

/**
 * From here on no request of an older owner is served, also none that lies unread in its socket: a daemon that was
 * killed cannot start a VMM after its successor has looked.
 */
function fenceOlderOwners(hosting: Hosting, owner: Client): void {
  for (const client of hosting.clients) {
    if (client === owner || client.role !== 'owner') continue;
    client.role = null;
    client.writer.write({ fenced: true });
    client.writer.flush();
    client.socket.destroySoon();
    client.socket.removeAllListeners('data');
    leave(hosting, client);
  }
}

function serve(hosting: Hosting, client: Client, line: z.infer<typeof clientLineSchema>): void {
  const { world } = hosting;
  if ('hello' in line) {
    client.role = line.hello;
    if (line.hello === 'owner') fenceOlderOwners(hosting, client);
    client.writer.write({ id: line.id, welcome: true });
    return;
  }
  if (client.role === null) {
    client.socket.destroy();
    return;
  }
  if ('shutdown_world' in line) {
    client.writer.write({ id: line.id, welcome: true });
    client.writer.flush();
    client.socket.end(hosting.end);
    return;
  }
  const answer = world.handle(line.request, client);
  if (answer !== null) client.writer.write({ id: line.id, answer });
}
