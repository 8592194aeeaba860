import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { buildDemoImage } from '../../../src/adapters/qemu/image/build-demo.ts';
import { packArchive } from '../../../src/adapters/qemu/image/cpio.ts';
import { formatReadyRule, parseReadyRule } from '../../../src/adapters/qemu/image/manifest.ts';
import { memoryError, openImageStore } from '../../../src/adapters/qemu/image/store.ts';
import { buildDemoOnce } from '../../../src/cli/daemon/demo-image.ts';

const clock = systemClock();
let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-image-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function writeImage(name: string, manifest: unknown): void {
  mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(
    join(directory, name, 'manifest.json'),
    typeof manifest === 'string' ? manifest : JSON.stringify(manifest),
  );
}

const MANIFEST = { name: 'other', kernel: '/proc/version', command_line: '', ready: 'immediate' };

describe('the demo image', () => {
  it('is built from the parts of this machine, found by its name, and built again over itself', async () => {
    const first = await buildDemoImage({ imagesDirectory: directory, clock });
    const bytes = readFileSync(join(first.directory, 'initrd'));
    const second = await buildDemoImage({ imagesDirectory: directory, clock });
    expect(readFileSync(join(second.directory, 'initrd')).equals(bytes), 'equal parts give equal bytes').toBe(true);
    expect(readdirSync(directory), 'nothing half made is left').toEqual(['demo']);
    const found = await openImageStore(directory).find('demo');
    expect(found).toMatchObject({
      image: { name: 'demo', ready: { by: 'agent' }, guestPorts: [80, 7], memoryMinBytes: 96 * 1024 ** 2 },
    });
    const listed = execFileSync('cpio', ['-t', '--quiet'], { input: gunzipSync(bytes), encoding: 'utf8' }).split('\n');
    expect(listed).toEqual(expect.arrayContaining(['init', 'bin/busybox', 'bin/sh', 'www/health', 'www/cgi-bin/exit']));
  });

  it('is built at a start when there is none or another version has built it, and is left when somebody has made it', async () => {
    const initrd = join(directory, 'demo/initrd');
    const manifestFile = join(directory, 'demo/manifest.json');
    const said: string[] = [];
    const start = async (): Promise<number> => {
      await buildDemoOnce(directory, clock, (line) => said.push(line));
      return said.splice(0).filter((line) => /^Image demo built in \d+ ms\.$/.test(line)).length;
    };
    expect([await start(), await start()]).toEqual([1, 0]);
    const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as { digests: Record<string, string> };
    const { guest: _, ...digests } = manifest.digests;
    writeImage('demo', { ...manifest, digests });
    expect([await start(), await start()], 'a version that knew no digest of the guest').toEqual([1, 0]);
    writeImage('demo', { ...manifest, digests: { ...digests, guest: '0'.repeat(64) } });
    writeFileSync(initrd, 'of their own');
    expect(await start()).toBe(0);
    expect(readFileSync(initrd, 'utf8')).toBe('of their own');
    writeImage('demo', { ...MANIFEST, name: 'demo' });
    expect(await start()).toBe(0);
  });

  it('names the Debian package of a part that is missing, and leaves nothing behind', async () => {
    const root = mkdtempSync(join(tmpdir(), 'statevisor-root-'));
    const build = (): Promise<unknown> => buildDemoImage({ imagesDirectory: join(directory, 'images'), clock, root });
    try {
      await expect(build()).rejects.toMatchObject({
        code: 'image_part_missing',
        debianPackage: 'linux-image-cloud-amd64',
      });
      mkdirSync(join(root, 'boot'));
      writeFileSync(join(root, 'boot/vmlinuz-6.1.0-1-cloud-amd64'), '');
      mkdirSync(join(root, 'lib/modules/6.1.0-1-cloud-amd64/kernel/drivers'), { recursive: true });
      await expect(build()).rejects.toThrow(/virtio_ring\.ko.*linux-image-cloud-amd64/);
      expect(existsSync(join(directory, 'images'))).toBe(false);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });

  it('is packed in the form that cpio reads, with modes and links', () => {
    const archive = packArchive([
      { type: 'directory', path: 'bin' },
      { type: 'file', path: 'bin/tool', mode: 0o755, content: Buffer.from('abc') },
      { type: 'link', path: 'bin/name', target: 'tool' },
    ]);
    const listed = execFileSync('cpio', ['-tv', '--quiet'], { input: archive, encoding: 'utf8' });
    expect(listed).toMatch(/^drwxr-xr-x .* bin$/m);
    expect(listed).toMatch(/^-rwxr-xr-x .* 3 .* bin\/tool$/m);
    expect(listed).toMatch(/^lrwxrwxrwx .* bin\/name -> tool$/m);
  });
});

describe('the image store', () => {
  it('finds no image under a name that is unknown or leads out of the store', async () => {
    const store = openImageStore(directory);
    for (const name of ['absent', '../etc', '', '.', 'a/b', 'UPPER']) {
      expect(await store.find(name)).toMatchObject({ error: { code: 'image_not_found' } });
    }
    expect(await openImageStore(join(directory, 'absent')).list()).toEqual([]);
  });

  it('tells why an image cannot be used', async () => {
    const store = openImageStore(directory);
    writeImage('other', MANIFEST);
    expect(await store.find('other')).toMatchObject({ image: { initrd: null, kernel: '/proc/version' } });
    const broken: readonly unknown[] = [
      '{ "name": ',
      { ...MANIFEST, name: 'another' },
      { ...MANIFEST, ready: 'soon' },
      { ...MANIFEST, ready: 'agent' },
      { ...MANIFEST, kernel: 'absent' },
      { ...MANIFEST, initrd: 'absent' },
      { ...MANIFEST, surprise: 1 },
    ];
    for (const manifest of broken) {
      writeImage('other', manifest);
      expect(await store.find('other')).toMatchObject({ error: { code: 'image_not_ready' } });
    }
    expect(await store.list()).toEqual(['other']);
  });

  it('knows how little memory is too little for an image, where it says so', async () => {
    const least = { ...MANIFEST, memory_min_bytes: 96 * 1024 ** 2 };
    for (const [manifest, megabytes, error] of [
      [MANIFEST, 64, null],
      [least, 96, null],
      [least, 95, 'image other needs at least 96MB of memory, not 95MB'],
    ] as const) {
      writeImage('other', manifest);
      const found = await openImageStore(directory).find('other');
      if ('error' in found) throw new Error(found.error.message);
      const said = memoryError(found.image, megabytes * 1024 ** 2);
      expect(said).toEqual(error === null ? null : { code: 'memory_too_small', message: error });
    }
  });

  it('reads ready rules and refuses what is none', () => {
    for (const text of ['agent', 'immediate', 'port:80', 'console:^login: $']) {
      const rule = parseReadyRule(text);
      expect(rule && formatReadyRule(rule)).toBe(text);
    }
    for (const text of [
      '',
      'ready',
      'port:',
      'port:0',
      'port:65536',
      'port:x',
      'console:',
      'console:(',
      `console:${'x'.repeat(201)}`,
    ]) {
      expect(parseReadyRule(text)).toBeNull();
    }
  });
});
