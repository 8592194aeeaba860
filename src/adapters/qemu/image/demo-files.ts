import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArchiveEntry, packArchive } from './cpio.ts';
import { type Manifest, manifestSchema } from './manifest.ts';
import { udpEcho } from './udp-echo.ts';

/** What the demo guest has from this project, beside its kernel and busybox, and whether a built image has the same. */

const AGENT_PORT = 'org.statevisor.agent.0';
const EXIT_PORT = 'org.statevisor.exit.0';
const IDENTITY_COMMAND = '/bin/identity';
/** Where what is sent comes back, over TCP and UDP. */
const ECHO_PORT = 7;
const INITRD = 'initrd';
const COMMAND_LINE = 'console=ttyS0 panic=-1 quiet no_timer_check';
/** With 72 MB the kernel has no room to unpack and resets; 80 MB are enough, and the workload needs some too. */
const MEMORY_MIN_BYTES = 96 * 1024 ** 2;
const GUEST_DIRECTORY = join(import.meta.dirname, 'demo-guest');
/** Among the digests of a manifest: that of what is in this file. */
export const GUEST_DIGEST = 'guest';

const FRONT_PAGE =
  '<!doctype html><title>demo</title><p>The demo guest runs. Its health: <a href="health">/health</a></p>\n';

/** The manifest of the demo image but for the digests. */
export const DEMO_MANIFEST: Omit<Manifest, 'digests'> = {
  name: 'demo',
  kernel: 'kernel',
  initrd: INITRD,
  command_line: COMMAND_LINE,
  ready: 'agent',
  agent_port: AGENT_PORT,
  exit_port: EXIT_PORT,
  identity_command: IDENTITY_COMMAND,
  guest_ports: [80, ECHO_PORT],
  memory_min_bytes: MEMORY_MIN_BYTES,
};

export async function demoGuestEntries(): Promise<ArchiveEntry[]> {
  const script = async (from: string, path: string): Promise<ArchiveEntry> => {
    return { type: 'file', path, mode: 0o755, content: await readFile(join(GUEST_DIRECTORY, from)) };
  };
  const doors = (await readdir(join(GUEST_DIRECTORY, 'cgi-bin'))).sort();
  return [
    { type: 'file', path: 'bin/udp-echo', mode: 0o755, content: udpEcho(ECHO_PORT) },
    await script('init', 'init'),
    await script('agent', 'bin/agent'),
    await script('identity', IDENTITY_COMMAND.slice(1)),
    await script('inittab', 'etc/inittab'),
    await script('power-button', 'etc/acpi/PWRF/00000080'),
    ...(await Promise.all(doors.map((name) => script(`cgi-bin/${name}`, `www/cgi-bin/${name}`)))),
    { type: 'file', path: 'www/health', mode: 0o644, content: Buffer.from('ok\n') },
    { type: 'file', path: 'www/index.html', mode: 0o644, content: Buffer.from(FRONT_PAGE) },
    { type: 'file', path: 'etc/ports', mode: 0o644, content: Buffer.from(`${AGENT_PORT} ${EXIT_PORT}\n`) },
  ];
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

export async function demoGuestDigest(): Promise<string> {
  return sha256(packArchive(await demoGuestEntries()), JSON.stringify(DEMO_MANIFEST));
}

/** `outdated`: built by another version of this project, and as it was built. `own`: somebody has made or altered it. */
export async function demoImageState(imagesDirectory: string): Promise<'current' | 'outdated' | 'own'> {
  const directory = join(imagesDirectory, DEMO_MANIFEST.name);
  try {
    const { agent_port, exit_port, digests } = manifestSchema.parse(
      JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8')),
    );
    if (agent_port !== AGENT_PORT || exit_port !== EXIT_PORT) return 'own';
    if (digests[GUEST_DIGEST] === (await demoGuestDigest())) return 'current';
    const isAsBuilt = digests.initrd === sha256(await readFile(join(directory, INITRD)));
    return isAsBuilt ? 'outdated' : 'own';
  } catch {
    return 'own';
  }
}
