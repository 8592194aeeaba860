import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import type { Clock } from '../../../actors/contracts/clock.ts';
import { type ArchiveEntry, packArchive } from './cpio.ts';
import { DEMO_MANIFEST, demoGuestDigest, demoGuestEntries, GUEST_DIGEST } from './demo-files.ts';
import type { Manifest } from './manifest.ts';

const KERNEL_PACKAGE = 'linux-image-cloud-amd64';
const BUSYBOX_PACKAGE = 'busybox-static';
const KERNEL_NAME = /^vmlinuz-(.+-cloud-amd64)$/;
const APPLETS_MAX_BYTES = 65_536;
const GZIP_LEVEL = 1;
const ELF = { headerBytes: 64, programHeadersAt: 32, entrySizeAt: 54, entryCountAt: 56, interpreterType: 3 } as const;

/** Kernel modules of the guest in the order in which they can be loaded. */
const MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'failover',
  'net_failover',
  'virtio_net',
  'virtio_console',
  'button',
  'evdev',
  'pvpanic',
  'pvpanic-pci',
];

/** A part of the demo image is not on this machine; the message names the Debian package that has it. */
export class ImagePartMissing extends Error {
  readonly code = 'image_part_missing';
  readonly debianPackage: string;

  constructor(part: string, debianPackage: string) {
    super(`${part} is missing; it is in the Debian package ${debianPackage}`);
    this.debianPackage = debianPackage;
  }
}

export interface BuildDemoOptions {
  /** `DIR/images`; made when missing. */
  readonly imagesDirectory: string;
  readonly clock: Clock;
  /** Where the parts are looked for; the machine's own root by default. */
  readonly root?: string;
}

async function newestKernel(root: string): Promise<{ readonly file: string; readonly modules: string }> {
  const names = await readdir(join(root, 'boot')).catch(() => []);
  const versions = names.flatMap((name) => KERNEL_NAME.exec(name)?.[1] ?? []);
  const order = new Intl.Collator('en', { numeric: true });
  for (const version of versions.sort((a, b) => order.compare(b, a))) {
    const modules = join(root, 'lib/modules', version, 'kernel');
    const found = await readdir(modules).catch(() => []);
    if (found.length > 0) return { file: join(root, 'boot', `vmlinuz-${version}`), modules };
  }
  throw new ImagePartMissing('a kernel /boot/vmlinuz-*-cloud-amd64 with its modules in /lib/modules', KERNEL_PACKAGE);
}

async function moduleEntries(directory: string): Promise<ArchiveEntry[]> {
  const files = await readdir(directory, { recursive: true });
  return Promise.all(
    MODULES.map(async (name, index): Promise<ArchiveEntry> => {
      const file = files.find((path) => path.endsWith(`/${name}.ko`));
      if (file === undefined) throw new ImagePartMissing(`the kernel module ${name}.ko`, KERNEL_PACKAGE);
      const path = `lib/modules/${String(index).padStart(2, '0')}-${name}.ko`;
      return { type: 'file', path, mode: 0o644, content: await readFile(join(directory, file)) };
    }),
  );
}

/** Whether a 64-bit ELF program names no interpreter (no PT_INTERP among its program headers). */
function isStaticallyLinked(program: Buffer): boolean {
  if (program.length < ELF.headerBytes || program.toString('latin1', 1, 4) !== 'ELF') return false;
  const start = Number(program.readBigUInt64LE(ELF.programHeadersAt));
  const [size, count] = [program.readUInt16LE(ELF.entrySizeAt), program.readUInt16LE(ELF.entryCountAt)];
  const types = Array.from({ length: count }, (_, index) => start + index * size);
  return types.every((at) => at + 4 <= program.length && program.readUInt32LE(at) !== ELF.interpreterType);
}

async function busyboxEntries(root: string): Promise<ArchiveEntry[]> {
  const candidates = [join(root, 'bin/busybox'), join(root, 'usr/bin/busybox')];
  for (const path of candidates) {
    const content = await readFile(path).catch(() => null);
    // A dynamically linked busybox is useless in a guest without libraries.
    if (content === null || !isStaticallyLinked(content)) continue;
    const listed = await promisify(execFile)(path, ['--list'], { maxBuffer: APPLETS_MAX_BYTES });
    const applets = listed.stdout.split('\n').filter((name) => /^[a-z0-9[_.+-]+$/i.test(name) && name !== 'busybox');
    const links = applets.map((name): ArchiveEntry => ({ type: 'link', path: `bin/${name}`, target: 'busybox' }));
    return [{ type: 'file', path: 'bin/busybox', mode: 0o755, content }, ...links];
  }
  throw new ImagePartMissing('a statically linked /bin/busybox', BUSYBOX_PACKAGE);
}

const DIRECTORIES = [
  'bin',
  'dev',
  'etc',
  'etc/acpi',
  'etc/acpi/PWRF',
  'lib',
  'lib/modules',
  'proc',
  'run',
  'sys',
  'tmp',
]
  .concat(['www', 'www/cgi-bin'])
  .map((path): ArchiveEntry => ({ type: 'directory', path }));

async function writeSynced(path: string, content: Uint8Array | string): Promise<string> {
  await writeFile(path, content, { flush: true });
  return createHash('sha256').update(content).digest('hex');
}

async function replaceDirectory(made: string, target: string): Promise<void> {
  const former = `${made}.former`;
  await rename(target, former).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(made, target);
  await rm(former, { recursive: true, force: true });
  const parent = await open(join(target, '..'));
  await parent.sync().finally(() => parent.close());
}

/**
 * Builds the image `demo`: Debian's cloud kernel and a busybox guest with many doors (docs/reference/images.md).
 * It is made beside its final place and renamed, so a half-made image is never found. Throws `ImagePartMissing`.
 */
export async function buildDemoImage(
  options: BuildDemoOptions,
): Promise<{ readonly directory: string; readonly milliseconds: number }> {
  const startedAt = options.clock.monotonic();
  const root = options.root ?? '/';
  const kernel = await newestKernel(root);
  const modules = await moduleEntries(kernel.modules);
  const entries = [...DIRECTORIES, ...(await busyboxEntries(root)), ...modules, ...(await demoGuestEntries())];
  await mkdir(options.imagesDirectory, { recursive: true });
  const made = await mkdtemp(join(options.imagesDirectory, `.${DEMO_MANIFEST.name}-`));
  try {
    const manifest: Manifest = {
      ...DEMO_MANIFEST,
      digests: {
        kernel: await writeSynced(join(made, 'kernel'), await readFile(kernel.file)),
        initrd: await writeSynced(join(made, 'initrd'), gzipSync(packArchive(entries), { level: GZIP_LEVEL })),
        [GUEST_DIGEST]: await demoGuestDigest(),
      },
    };
    await writeSynced(join(made, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    const directory = join(options.imagesDirectory, DEMO_MANIFEST.name);
    await replaceDirectory(made, directory);
    return { directory, milliseconds: Math.round(options.clock.monotonic() - startedAt) };
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
}
