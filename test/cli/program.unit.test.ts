/** Goal: what is typed wrongly is answered with what was typed and what is expected. Method: the commands, in this process. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ownerFile } from '../../src/cli/daemon/network.ts';
import { dataDirectory } from '../../src/cli/data-directory.ts';
import { lockDirectory } from '../../src/cli/directory-lock.ts';
import { makeProgram } from '../../src/cli/program.ts';

let directory: string;
let printed: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-program-'));
  printed = [];
  vi.stubEnv('STATEVISOR_DATA', directory);
  vi.stubEnv('STATEVISOR_URL', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

/** What a command prints, and the message it fails with. */
async function call(...args: string[]): Promise<{ printed: string; failure: string | null }> {
  const line = (text: string): void => void printed.push(`${text}\n`);
  const program = makeProgram({ line, text: (text) => void printed.push(text), note: () => {} });
  for (const command of [program, ...program.commands]) command.configureOutput({ writeErr: () => {} });
  const failure = await program.parseAsync(args, { from: 'user' }).then(
    () => null,
    (error: Error) => error.message,
  );
  return { printed: printed.join(''), failure };
}

describe('a call that is wrong', () => {
  test.each([
    [['run', '-p', 'foo'], "argument 'foo' is invalid. expected PORT or HOST_PORT:PORT, each from 1 to 65535"],
    [['run', '-p', '80:'], "argument '80:' is invalid. expected PORT or HOST_PORT:PORT"],
    [['run', '-p', '1:2:3'], "argument '1:2:3' is invalid. expected PORT or HOST_PORT:PORT"],
    [['run', '-p', '70000'], "argument '70000' is invalid. expected PORT or HOST_PORT:PORT"],
    [['run', '--vcpus', '1.5'], "argument '1.5' is invalid. expected a whole number from 1 to 64"],
    [['run', '--max-attempts', 'many'], "argument 'many' is invalid. expected a whole number from 0 on"],
    [
      ['update', 'web', '--health', 'udp:80'],
      "argument 'udp:80' is invalid. expected http:PORT/PATH, https:PORT/PATH, tcp:PORT, exec:COMMAND, or none",
    ],
    [['update', 'web', '--health', 'tcp:80/path'], "argument 'tcp:80/path' is invalid. expected http:PORT"],
    [
      ['update', 'web', '--health', 'http:99999/'],
      "argument 'http:99999/' is invalid. expected a port from 1 to 65535",
    ],
    [['update', 'web', '--health', 'exec: '], "argument 'exec: ' is invalid. expected http:PORT"],
    [['run', '--restart', 'sometimes'], "argument 'sometimes' is invalid. expected never, on_failure or always"],
    [['run', '--restart', 'never:3'], "argument 'never:3' is invalid. expected never, on_failure or always"],
    [['run', '--jitter', '2'], "argument '2' is invalid. expected a number from 0 to 1"],
    [['run', '--never-on', '2,300'], "argument '2,300' is invalid. expected exit codes from 0 to 255"],
    [['restart', 'web', '--cancel', '--reset'], "option '--cancel' cannot be used with option '--reset'"],
    [['update', 'web', '--on-expiry', 'sleep'], "argument 'sleep' is invalid. Allowed choices are stop, delete"],
    [['history'], "missing required argument 'instance'"],
    [['history', 'web', '--last', 'few'], "argument 'few' is invalid. expected a whole number from 1 to 10000"],
    [['history', 'web', '--last', '3', '--limit', '3'], "'--last <n>' cannot be used with option '--limit <n>'"],
    [['hold', 'web', '--for', '1m', '--until', 'x'], "'--for <duration>' cannot be used with option '--until <time>'"],
    [['logs', 'web', '--source', 'kernel'], 'Allowed choices are console, vmm, operations'],
    [['logs', 'web', '--tail', '-1'], "argument '-1' is invalid. expected a whole number from 0 on"],
    [['events', '--colour'], "unknown option '--colour'"],
    [['ps', 'web'], 'too many arguments'],
  ])('%j is told so', async (args, told) => {
    expect((await call(...args)).failure).toContain(told);
  });

  test('without a daemon says where one was looked for', async () => {
    expect((await call('history', 'web')).failure).toBe(`No daemon serves ${directory}. Start one with \`npm start\`.`);
  });
});

test('the version is that of the package', async () => {
  const { printed: version, failure } = await call('--version');
  expect(version).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect(failure).toBe(version.trim());
});

test('a process that runs many commands listens for the end of its reader once', async () => {
  await call('ps');
  const listeners = process.stdout.listenerCount('error');
  for (let n = 0; n < 20; n++) await call('ps');
  expect(process.stdout.listenerCount('error')).toBe(listeners);
});

describe('the list of images', () => {
  test('is empty without any', async () => {
    expect(await call('image', 'ls')).toEqual({ printed: 'NAME  READY BY  PORTS\n', failure: null });
    printed = [];
    expect(await call('image', 'ls', '--json')).toEqual({ printed: '[]\n', failure: null });
  });

  test('shows how each tells that it is ready, and why one cannot be booted', async () => {
    const broken = join(directory, 'images', 'broken');
    const whole = join(directory, 'images', 'whole');
    for (const image of [broken, whole]) mkdirSync(image, { recursive: true });
    const manifest = { kernel: 'vmlinuz', command_line: 'quiet', ready: 'port:80', guest_ports: [80, 7] };
    writeFileSync(join(broken, 'manifest.json'), JSON.stringify({ ...manifest, name: 'broken' }));
    writeFileSync(join(whole, 'manifest.json'), JSON.stringify({ ...manifest, name: 'whole' }));
    writeFileSync(join(whole, 'vmlinuz'), '');
    const { printed: lines } = await call('image', 'ls');
    expect(lines).toMatch(
      /^NAME +READY BY +PORTS\nbroken +image broken cannot be used: .* {2}-\nwhole +port:80 +80,7\n$/,
    );
  });
});

test('the network of a data directory that a daemon serves is not removed, and what to do is said', async () => {
  writeFileSync(ownerFile(directory), '0123456789abcdef\n');
  const unlock = lockDirectory(dataDirectory(directory));
  const { failure } = await call('network', 'remove', '--bridge', 'svbr0').finally(unlock);
  expect(failure).toBe(
    `The daemon (pid ${process.pid}) serves ${directory} and would miss its network. Stop the instances, end the daemon, and repeat this.`,
  );
});
