import { parentPort, workerData } from 'node:worker_threads';
import type { Request, StorageOptions } from './protocol.ts';
import { tryOpenStorage } from './storage.ts';

/** The thread that owns the log's storage. Answers every request in the order of arrival, one message each. */
function serve(port: NonNullable<typeof parentPort>): void {
  const storage = tryOpenStorage(workerData as StorageOptions);
  if (!('handle' in storage)) {
    port.postMessage(storage);
    return;
  }
  port.on('message', (request: Request) => {
    port.postMessage(storage.handle(request));
    if (request.kind === 'close') port.close();
    else storage.afterwards();
  });
  port.postMessage(storage.opening);
}

if (parentPort !== null) serve(parentPort);
