import type { FastifyInstance } from 'fastify';
import { StatevisorError } from '../../actors/errors.ts';

/** One file as it is sent. */
export interface OpenFile {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** Files that anybody may read who reaches the door: they hold nothing of this host. */
export interface OpenFiles {
  /** Everything below it is open; ends with a slash. */
  readonly prefix: string;
  /** The file of that name below the prefix; undefined for everything that is not on its list. */
  file(name: string): OpenFile | undefined;
}

/** Paths of their routes, as hooks see them. */
export function openPaths({ prefix }: OpenFiles): string[] {
  return [`${prefix}*`, prefix.slice(0, -1)];
}

export function addOpenFiles(server: FastifyInstance, files: OpenFiles): void {
  const [every = '', bare = ''] = openPaths(files);
  server.get(every, async (request, reply) => {
    const name = (request.params as { readonly '*': string })['*'];
    const found = files.file(name);
    if (found === undefined) throw new StatevisorError('not_found', 'There is no file of that name.');
    return reply.headers(found.headers).send(found.body);
  });
  server.get(bare, async (_request, reply) => reply.redirect(files.prefix));
}
