import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../../src/actors/clock.ts';
import type { GuestAgents } from '../../src/actors/contracts/guest-agent.ts';
import type { RunRef, RunSpec } from '../../src/actors/contracts/hypervisor.ts';
import { createQemuHypervisor, type QemuHypervisor, type QemuOptions } from '../../src/adapters/qemu/hypervisor.ts';
import { openImageStore } from '../../src/adapters/qemu/image/store.ts';
import { runDirectory } from '../../src/adapters/qemu/run-directory.ts';
import { type HypervisorWorld, untilTrue } from '../contracts/hypervisor.world.ts';
import { endProcessesOf, temporaryDirectory } from '../left-processes.ts';
import { damageSnapshot } from './qemu/damage-snapshot.ts';

const MIB = 1_048_576;
const GUEST_ANSWER_LIMIT_MS = 30_000;

export interface QemuWorld extends HypervisorWorld {
  /** The data directory. */
  readonly root: string;
  /** Asks the demo guest over its forwarded port 80. */
  ask(ref: RunRef, path: string): Promise<{ readonly status: number; readonly text: string }>;
  /** Sends a text to the echo service of the guest and answers what comes back. */
  echo(ref: RunRef, text: string): Promise<string>;
  /** The agents of its guests, as the first hypervisor object reaches them. */
  readonly agents: GuestAgents;
  /** Runs a shell command through the guest agent, past that object. */
  command(ref: RunRef, command: string): Promise<{ readonly code: number; readonly output: string }>;
  /** Process ids of the VMMs of this world that live now. */
  pids(instance?: string): Promise<number[]>;
}

/** Ports nobody listens on at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  return Promise.all(
    servers.map(async (server) => {
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      return typeof address === 'object' && address !== null ? address.port : 0;
    }),
  );
}

/** QEMU processes whose working directory lies under `directory`. */
export async function vmmsUnder(directory: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [working, command] = await Promise.all([
        readlink(`/proc/${pid}/cwd`).catch(() => ''),
        readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
      ]);
      const isVmm = /^[^\0]*qemu-system/.test(command);
      return isVmm && `${working}/`.startsWith(`${directory}/`) ? [Number(pid)] : [];
    }),
  );
  return found.flat();
}

/** Sends a line and answers what comes back, up to the end of a line that is awaited: the first one unless told. */
async function exchange(socket: Socket, line: string, awaited = /\n/): Promise<string> {
  let received = '';
  let failure: Error | null = null;
  socket.on('data', (chunk) => {
    received += chunk.toString();
  });
  socket.on('error', (error) => {
    failure = error;
  });
  socket.write(line);
  try {
    await untilTrue(() => failure !== null || awaited.test(received), 'an answer of the guest', GUEST_ANSWER_LIMIT_MS);
    if (failure !== null) throw failure;
    return received;
  } finally {
    socket.destroy();
  }
}

/** Runs a command through the guest agent. */
async function runInGuest(path: string, command: string): Promise<{ readonly code: number; readonly output: string }> {
  const line = `\n1 ${Buffer.from(command).toString('base64')} .\n`;
  const answer = /^1 (\d+) (.*)\n/m;
  const [, code, output] = answer.exec(await exchange(connect({ path }), line, answer)) ?? [];
  return { code: Number(code), output: Buffer.from(output ?? '', 'base64').toString() };
}

/** The exit code of a shell command in the guest. */
async function exitCode(agents: GuestAgents, ref: RunRef, command: string): Promise<number> {
  const given = { command: ['sh', '-c', command], timeout_ms: GUEST_ANSWER_LIMIT_MS };
  const codes: number[] = [];
  const answers = async (): Promise<boolean> => {
    const answer = await agents.exec(ref, given, new AbortController().signal);
    if (answer.answer === 'ended') codes.push(answer.code);
    return answer.answer === 'ended';
  };
  await untilTrue(answers, 'the guest agent answers', GUEST_ANSWER_LIMIT_MS);
  return codes[0] ?? -1;
}

/** A file in the guest's tmpfs is in its memory and nowhere else. */
function memoryHands(
  inGuest: (ref: RunRef, command: string) => Promise<number>,
): Pick<HypervisorWorld['guest'], 'remember' | 'remembers'> {
  return {
    remember: async (ref, text) => {
      await inGuest(ref, `printf %s '${text}' >/run/remembered`);
    },
    remembers: async (ref, text) => (await inGuest(ref, `[ "$(cat /run/remembered)" = '${text}' ]`)) === 0,
  };
}

/** Removes the directory, and ends whoever works in it: a run that was on its way when its test failed comes up after. */
async function tearDown(root: string): Promise<void> {
  endProcessesOf(root);
  await rm(root, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  endProcessesOf(root);
}

const REFS = 8;

/** A world of real QEMU processes in a directory of its own, with the images of `imagesDirectory`. */
export async function makeQemuWorld(imagesDirectory: string, overrides: Partial<QemuOptions> = {}): Promise<QemuWorld> {
  const made = temporaryDirectory('statevisor-qemu-');
  // A directory of the caller's choice lies below, so that it goes with the rest.
  const root = join(made, overrides.directory ?? '');
  const clock = systemClock();
  const ports = await freePorts(2 * REFS);
  const taken = new Map<string, { readonly http: number; readonly echo: number }>();
  const images = openImageStore(imagesDirectory);
  const options = { images, clock, random: systemRandom(), ...overrides, directory: root };
  const first = createQemuHypervisor(options);
  let current: QemuHypervisor = first;

  const portsOf = (ref: RunRef): { readonly http: number; readonly echo: number } => {
    const known = taken.get(ref.instance) ?? { http: ports.pop() ?? 0, echo: ports.pop() ?? 0 };
    taken.set(ref.instance, known);
    return known;
  };
  const spec = (ref: RunRef, changes: Partial<RunSpec> = {}): RunSpec => {
    const { http, echo } = portsOf(ref);
    const forwards = [
      { host_port: http, guest_port: 80 },
      { host_port: echo, guest_port: 7 },
    ];
    const network = { mode: 'user' as const, ports: forwards };
    return { ...ref, name: 'contract', image: 'demo', vcpus: 1, memory_bytes: 128 * MIB, network, ...changes };
  };
  const ask: QemuWorld['ask'] = async (ref, path) => {
    const signal = AbortSignal.timeout(GUEST_ANSWER_LIMIT_MS);
    const answer = await fetch(`http://127.0.0.1:${portsOf(ref).http}${path}`, { signal });
    return { status: answer.status, text: (await answer.text()).trim() };
  };
  const door = async (ref: RunRef, path: string): Promise<void> => {
    await ask(ref, `/cgi-bin/${path}`);
  };
  const pids = (instance?: string): Promise<number[]> =>
    vmmsUnder(instance === undefined ? root : join(root, 'instances', instance));

  return {
    hypervisor: first,
    agents: first.agents,
    root,
    ask,
    pids,
    spec,
    now: () => clock.now(),
    echo: (ref, text) => exchange(connect({ host: '127.0.0.1', port: portsOf(ref).echo }), text),
    command: (ref, command) => runInGuest(join(runDirectory(root, ref), 'agent.sock'), command),
    reopen: async () => {
      await current.close();
      current = createQemuHypervisor(options);
      return current;
    },
    guest: {
      exit: (ref, code) => door(ref, `exit?${code}`),
      panic: (ref) => door(ref, 'panic'),
      reboot: (ref) => door(ref, 'reboot'),
      powerOff: (ref) => door(ref, 'poweroff'),
      ...memoryHands((ref, command) => exitCode(current.agents, ref, command)),
    },
    damage: (place, code) => damageSnapshot(join(root, 'instances', place.instance, 'snapshots', place.snapshot), code),
    vmm: {
      sigkill: async (ref) => {
        for (const pid of await pids(ref.instance)) process.kill(pid, 'SIGKILL');
      },
    },
    countVmms: async (instance) => (await pids(instance)).length,
    destroy: async () => {
      await current.close();
      await tearDown(made);
    },
  };
}
