import { constants } from 'node:fs';
import { access, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { OperationError } from '../../../actors/contracts/hypervisor.ts';
import { isImageName, manifestSchema, parseReadyRule, type ReadyRule } from './manifest.ts';

/** An image whose parts are there: paths are absolute. */
export interface Image {
  readonly name: string;
  readonly kernel: string;
  readonly initrd: string | null;
  readonly commandLine: string;
  readonly ready: ReadyRule;
  /** Names of virtio-serial ports: the guest agent, and where the exit code of the workload is written. */
  readonly agentPort: string | null;
  readonly exitPort: string | null;
  /** Program in the guest that makes another one of a copy; null: copies cannot be told apart on a network. */
  readonly identityCommand: string | null;
  /** With less memory a guest does not get ready. */
  readonly memoryMinBytes: number;
  /** TCP ports the guest is known to serve. */
  readonly guestPorts: readonly number[];
}

export type FoundImage = { readonly image: Image } | { readonly error: OperationError };

export interface ImageStore {
  /** The image of that name; error `image_not_found`, or `image_not_ready` when a part of it is broken or missing. */
  find(name: string): Promise<FoundImage>;
  /** Names of all images in the store, sorted, whether usable or not. */
  list(): Promise<string[]>;
}

const MANIFEST_FILE = 'manifest.json';

function notReady(name: string, why: string): FoundImage {
  return { error: { code: 'image_not_ready', message: `image ${name} cannot be used: ${why}` } };
}

async function readManifest(directory: string): Promise<string | null> {
  try {
    return await readFile(join(directory, MANIFEST_FILE), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function load(directory: string, name: string): Promise<FoundImage> {
  const text = isImageName(name) ? await readManifest(directory) : null;
  if (text === null) return { error: { code: 'image_not_found', message: `there is no image called ${name}` } };
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (!parsed.success) return notReady(name, z.prettifyError(parsed.error).split('\n', 1)[0] ?? 'bad manifest');
  const manifest = parsed.data;
  const ready = parseReadyRule(manifest.ready);
  if (ready === null || manifest.name !== name) return notReady(name, 'its manifest is of another image');
  const kernel = resolve(directory, manifest.kernel);
  const initrd = manifest.initrd === undefined ? null : resolve(directory, manifest.initrd);
  for (const part of initrd === null ? [kernel] : [kernel, initrd]) {
    const readable = await access(part, constants.R_OK).then(
      () => true,
      () => false,
    );
    if (!readable) return notReady(name, `${part} cannot be read`);
  }
  return {
    image: {
      name,
      kernel,
      initrd,
      commandLine: manifest.command_line,
      ready,
      agentPort: manifest.agent_port ?? null,
      exitPort: manifest.exit_port ?? null,
      identityCommand: manifest.identity_command ?? null,
      memoryMinBytes: manifest.memory_min_bytes,
      guestPorts: manifest.guest_ports,
    },
  };
}

const MIB = 1024 ** 2;

/** Null when a guest of this image gets ready with so much memory: with less it would be reset again and again. */
export function memoryError({ name, memoryMinBytes }: Image, memoryBytes: number): OperationError | null {
  if (memoryBytes >= memoryMinBytes) return null;
  const message = `image ${name} needs at least ${Math.ceil(memoryMinBytes / MIB)}MB of memory, not ${Math.floor(memoryBytes / MIB)}MB`;
  return { code: 'memory_too_small', message };
}

/** The images of `imagesDirectory`, one directory each. The directory need not exist yet. */
export function openImageStore(imagesDirectory: string): ImageStore {
  return {
    find: (name) => load(join(imagesDirectory, name), name),
    list: async () => {
      const entries = await readdir(imagesDirectory, { withFileTypes: true }).catch(() => []);
      return entries
        .filter((entry) => entry.isDirectory() && isImageName(entry.name))
        .map((entry) => entry.name)
        .sort();
    },
  };
}
