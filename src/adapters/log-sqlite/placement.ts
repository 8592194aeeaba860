import { Worker } from 'node:worker_threads';
import type { Clock } from '../../actors/contracts/clock.ts';
import { LogOpenError } from '../../actors/contracts/log-error.ts';
import type { Opening, Reply, Request, StorageOptions } from './protocol.ts';
import { messageOf } from './sqlite-error.ts';
import { tryOpenStorage } from './storage.ts';

/** The way to the storage, wherever it runs. Requests are answered in order; `failed` also when it is gone. */
export interface StoragePort {
  readonly opening: Opening & { readonly kind: 'opened' };
  readonly request: (request: Request) => Promise<Reply>;
  /** Resolves with the reason once the storage is gone without having been closed; never, when that cannot happen. */
  readonly gone: Promise<string>;
}

function refusal(directory: string, opening: Opening & { readonly kind: 'not_opened' }): LogOpenError {
  return new LogOpenError(opening.code, directory, opening.message, opening.ownerPid);
}

/** In this thread: a batch blocks the event loop until it is synced. */
export function placeOnMain(options: StorageOptions, clock: Pick<Clock, 'turn'>): StoragePort {
  const storage = tryOpenStorage(options);
  if (!('handle' in storage)) throw refusal(options.directory, storage);
  let last: Promise<unknown> = Promise.resolve();
  const serve = async (request: Request): Promise<Reply> => {
    await clock.turn();
    const reply = storage.handle(request);
    if (request.kind !== 'close') storage.afterwards();
    return reply;
  };
  return {
    opening: storage.opening,
    gone: new Promise(() => undefined),
    request: (request) => {
      const reply = last.then(() => serve(request));
      last = reply;
      return reply;
    },
  };
}

/** In a thread of its own: the event loop only pays for two messages per batch. */
export async function placeInWorker(options: StorageOptions): Promise<StoragePort> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: options, name: 'log' });
  const waiting: ((reply: Reply) => void)[] = [];
  const ended = Promise.withResolvers<string>();
  let gone: Reply | null = null;
  let closed = false;
  const opening = await new Promise<Opening>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  if (opening.kind === 'not_opened') throw refusal(options.directory, opening);
  const end = (message: string): void => {
    gone ??= { kind: 'failed', message };
    if (!closed) ended.resolve(message);
    for (const answer of waiting.splice(0)) answer(gone);
  };
  worker.on('message', (reply: Reply) => {
    if (reply.kind === 'closed') closed = true;
    waiting.shift()?.(reply);
  });
  worker.on('error', (error) => end(`the log's thread failed: ${messageOf(error)}`));
  worker.on('exit', () => end("the log's thread has ended"));
  return {
    opening,
    gone: ended.promise,
    request: (request) => {
      if (gone !== null) return Promise.resolve(gone);
      return new Promise((resolve) => {
        waiting.push(resolve);
        worker.postMessage(request);
      });
    },
  };
}
