import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { AGENT_SOCKET } from '../src/adapters/qemu/command-line.ts';
import { openQmp, type QmpConnection } from '../src/adapters/qemu/qmp.ts';
import { clockCommand } from '../src/adapters/qemu/snapshots/guest-clock.ts';
import { clock } from './measure.ts';

/**
 * What somebody with a script would do over QEMU's socket to put a guest to sleep and to wake it, in the same steps and with the
 * same verification: state, memory and what is to be verified of them synced and put into place by a synced rename before the
 * VMM is told to quit; the state's hash and the memory's size and time looked at before it is loaded; the snapshot taken away
 * by a synced rename before the guest goes on with that memory; its clock set through its agent then. Nothing is recorded of
 * it, and the VMM dies with whoever does it.
 */

const LIMIT_MS = 20_000;
const CAPABILITIES = [{ capability: 'x-ignore-shared', state: true }];

export interface HandMade {
  sleep(): Promise<void>;
  /** Resolves when the guest was told to go on. */
  wake(): Promise<void>;
  end(): Promise<void>;
}

type Places = [asleep: string, asleepSoon: string, awake: string];

interface Vmm {
  readonly monitor: QmpConnection;
  readonly gone: Promise<unknown>;
}

/** The monitor listens only a moment after the program was begun. */
async function greeted(path: string): Promise<QmpConnection> {
  const end = clock.monotonic() + LIMIT_MS;
  for (;;) {
    try {
      return await openQmp(path, { clock, greetingLimitMs: LIMIT_MS, onEvent: () => {}, onClose: () => {} });
    } catch (error) {
      if (clock.monotonic() > end) throw error;
      await clock.sleep(2);
    }
  }
}

async function start(directory: string, argv: readonly string[]): Promise<Vmm> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { cwd: directory, stdio: 'ignore' });
  const gone = once(child, 'exit');
  return { monitor: await greeted(join(directory, 'qmp.sock')), gone };
}

async function synced(path: string): Promise<void> {
  const file = await open(path, 'r');
  await file.sync();
  await file.close();
}

async function migrated(monitor: QmpConnection): Promise<void> {
  for (;;) {
    const { status } = (await monitor.execute('query-migrate', LIMIT_MS)) as { status?: string };
    if (status === 'completed') return;
    if (status === 'failed') throw new Error('the migration failed');
    await clock.sleep(2);
  }
}

async function receive(directory: string, path: string, begin: () => Promise<unknown>): Promise<string> {
  const hash = createHash('sha256');
  const server = createServer().listen(join(directory, 'out.sock'));
  await once(server, 'listening');
  const connection = once(server, 'connection');
  await begin();
  const [socket] = await connection;
  const file = await open(path, 'w');
  for await (const chunk of socket) {
    hash.update(chunk);
    await file.appendFile(chunk);
  }
  await file.sync();
  await file.close();
  server.close();
  return hash.digest('hex');
}

/** Begins it; the guest is asked other things meanwhile. */
function setClock(directory: string): void {
  const socket = connect(join(directory, AGENT_SOCKET));
  const command = Buffer.from(clockCommand(clock.now())).toString('base64');
  socket.once('data', () => socket.write(`clock ${command} .\n`));
  socket.on('data', (chunk) => {
    if (/clock \d/.test(chunk.toString())) socket.destroy();
  });
  socket.on('error', () => {});
}

/** Boots a guest with this command line, as it would stand in a run's directory. */
export async function handMade(directory: string, argv: readonly string[]): Promise<HandMade> {
  await mkdir(directory, { recursive: true });
  let vmm = await start(directory, argv);
  const memory = join(directory, 'memory');
  const [asleep, asleepSoon, awake] = ['asleep', 'asleep.new', 'awake'].map((name) => join(directory, name)) as Places;
  const prepare = async (): Promise<void> => {
    await vmm.monitor.execute('migrate-set-capabilities', LIMIT_MS, { capabilities: CAPABILITIES });
    await vmm.monitor.execute('migrate-set-parameters', LIMIT_MS, { 'max-bandwidth': 17_179_869_184 });
  };
  const end = async (): Promise<void> => {
    await vmm.monitor.execute('quit', LIMIT_MS).catch(() => null);
    await vmm.gone;
  };
  return {
    end,
    sleep: async () => {
      await vmm.monitor.execute('stop', LIMIT_MS);
      await prepare();
      const migrate = () => vmm.monitor.execute('migrate', LIMIT_MS, { uri: 'unix:out.sock' });
      await mkdir(asleepSoon);
      const sha256 = await receive(directory, join(asleepSoon, 'state'), migrate);
      await migrated(vmm.monitor);
      await synced(memory);
      const { size, mtimeNs } = await stat(memory, { bigint: true });
      const manifest = JSON.stringify({ sha256, bytes: String(size), mtime: String(mtimeNs) });
      await writeFile(join(asleepSoon, 'manifest'), manifest, { flush: true });
      await synced(asleepSoon);
      await rename(asleepSoon, asleep);
      await synced(directory);
      await end();
    },
    wake: async () => {
      const kept = JSON.parse(await readFile(join(asleep, 'manifest'), 'utf8')) as Readonly<Record<string, string>>;
      const state = await readFile(join(asleep, 'state'));
      const { size, mtimeNs } = await stat(memory, { bigint: true });
      const sha256 = createHash('sha256').update(state).digest('hex');
      const isAsKept = sha256 === kept.sha256 && String(size) === kept.bytes && String(mtimeNs) === kept.mtime;
      if (!isAsKept) throw new Error('altered');
      vmm = await start(directory, [...argv, '-incoming', 'defer']);
      await prepare();
      await vmm.monitor.execute('migrate-incoming', LIMIT_MS, { uri: 'unix:in.sock' });
      const socket = connect(join(directory, 'in.sock'));
      socket.end(state);
      await once(socket.resume(), 'close');
      await migrated(vmm.monitor);
      await rename(asleep, awake);
      await synced(directory);
      await vmm.monitor.execute('cont', LIMIT_MS);
      setClock(directory);
      void rm(awake, { recursive: true });
    },
  };
}
