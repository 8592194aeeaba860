import { createHash } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { withSocketPath } from '../monitor.ts';
import { isDiskFull, unlessGivenUp } from './files.ts';
import { STATE_MAX_BYTES } from './store.ts';

/**
 * The state of a guest's devices on its way between a VMM and a file. QEMU's own ways to a file are closed to it: it may not
 * start programs, and 7.2 cannot write files by itself. So it speaks to a socket in its directory.
 */

/** Names within the run directory, which is the working directory of the VMM. */
const SAVING_SOCKET = 'saving.sock';
const LOADING_SOCKET = 'loading.sock';
export const SAVING_URI = `unix:${SAVING_SOCKET}`;
export const LOADING_URI = `unix:${LOADING_SOCKET}`;

export interface ReceivedState {
  readonly bytes: number;
  readonly sha256: string;
}

/** The state cannot be written: `disk_full`, or `storage_failed`. */
export class StateUnwritten extends Error {
  override readonly name = 'StateUnwritten';
  readonly code: 'disk_full' | 'storage_failed';

  constructor(error: unknown) {
    super('the state of the guest cannot be written', { cause: error });
    this.code = isDiskFull(error) ? 'disk_full' : 'storage_failed';
  }
}

/** Waits for the first connection to a socket in a directory whose path may be longer than a socket's. */
async function listen(directory: string): Promise<{ readonly server: Server; readonly connection: Promise<Socket> }> {
  await rm(join(directory, SAVING_SOCKET), { force: true });
  const server = createServer();
  const connection = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path: `/proc/self/fd/${descriptor}/${SAVING_SOCKET}` }, resolve);
    });
  } finally {
    closeSync(descriptor);
  }
  return { server, connection };
}

async function writeDown(socket: Socket, path: string): Promise<ReceivedState> {
  const hash = createHash('sha256');
  let bytes = 0;
  const file = await open(path, 'wx', 0o600);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > STATE_MAX_BYTES) throw new Error(`the state is longer than ${STATE_MAX_BYTES} bytes`);
      hash.update(chunk);
      await file.appendFile(chunk);
    }
  } finally {
    socket.destroy();
    await file.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/**
 * Receives into a file what a VMM sends once `begin` has told it to; the file is not synced yet. Rejects with `StateUnwritten`
 * when it cannot be written, and when the signal fires; the VMM's own end of it then fails too.
 */
export async function receiveState(
  directory: string,
  path: string,
  begin: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<ReceivedState> {
  const { server, connection } = await listen(directory);
  try {
    // A signal that has fired calls nobody back.
    if (signal.aborted) throw new Error('given up');
    await begin();
    const socket = await unlessGivenUp(connection, signal);
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    const written = writeDown(socket, path).catch((error: unknown) => {
      throw new StateUnwritten(error);
    });
    return await unlessGivenUp(written, signal);
  } finally {
    connection.then(
      (socket) => socket.destroy(),
      () => undefined,
    );
    server.close();
    await rm(join(directory, SAVING_SOCKET), { force: true });
  }
}

/** Sends a state to a VMM that listens for it. Resolves when all of it has been taken or the connection is gone. */
export async function sendState(directory: string, state: Buffer, signal: AbortSignal): Promise<void> {
  // A signal that has fired calls nobody back.
  if (signal.aborted) return;
  await withSocketPath(directory, LOADING_SOCKET, async (path) => {
    const socket = connect({ path });
    const over = Promise.withResolvers<void>();
    const end = (): void => over.resolve();
    socket.once('error', end);
    socket.once('close', end);
    const onAbort = (): void => {
      socket.destroy();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.end(state);
    socket.resume();
    await over.promise;
    signal.removeEventListener('abort', onAbort);
  });
}
