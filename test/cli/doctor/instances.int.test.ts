/**
 * Goal: what lies under the data directory and belongs to no instance is named, and nothing of it is touched. Method: a real
 * daemon, beside directories as another log would have left them.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import { controlSimulator } from '../../../src/adapters/simulator/control.ts';
import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { checkInstances, STRAYS_NAMED_MAX } from '../../../src/cli/doctor/instance-checks.ts';
import { worldProgram } from '../../../src/cli/simulator-world.ts';
import { type DaemonProcess, type Workplace, workplace } from '../daemon-process.ts';
import { surroundings } from './surroundings.ts';

const MIB = 1024 ** 2;
let place: Workplace;
let daemon: DaemonProcess;
let known: string;

const below = (name: string): string => join(place.data, 'instances', name);
const look = (): Promise<Finding[]> => checkInstances(surroundings({ data: place.data }));

beforeAll(async () => {
  place = workplace();
  expect(await look()).toEqual([]);
  daemon = await place.serve('--no-hello', '--hypervisor', 'simulator', '--nats', 'off');
  await place.cli('run', 'web', '--detach');
  const { stdout } = await place.cli('get', 'web', '--json');
  known = (JSON.parse(stdout) as { id: string }).id;
  mkdirSync(below(known), { recursive: true });
});
afterAll(async () => {
  await daemon.end('SIGTERM');
  const control = controlSimulator({ world: { directory: place.data, program: worldProgram }, clock: systemClock() });
  await control.shutdownWorld().catch(() => {});
  await control.close();
  place.remove();
});

test('directories of instances that the log knows are in order', async () => {
  expect(await look()).toMatchObject([{ check: 'instances', verdict: 'ok', found: expect.stringMatching(/^1 dir/) }]);
});

test('one that it does not know is named with its size, and with who runs in it; it stays', async () => {
  mkdirSync(join(below('another'), 'runs', '1'), { recursive: true });
  writeFileSync(join(below('another'), 'runs', '1', 'memory'), Buffer.alloc(3 * MIB, 1));
  const [stray, ...others] = await look();
  expect(others).toEqual([]);
  expect(stray).toMatchObject({ check: 'instances', verdict: 'warning' });
  // A file system takes a little more than what it is given.
  expect(stray?.found).toMatch(new RegExp(`^${below('another')}, [34] MiB, belongs to no instance$`));
  expect(stray?.remedy).toMatch(/^No process works in it\./);
  const vmm = spawn('sh', ['-c', 'read nothing', join(below('another'), 'runs', '1')], { stdio: 'pipe' });
  try {
    expect((await look())[0]?.remedy).toContain(`with pid ${vmm.pid}: `);
  } finally {
    vmm.kill('SIGKILL');
  }
  expect(existsSync(join(below('another'), 'runs', '1', 'memory'))).toBe(true);
});

test('of many the first are named, and of the others their number is', async () => {
  for (let number = 0; number < STRAYS_NAMED_MAX + 1; number += 1) mkdirSync(below(`stray${number}`));
  const found = await look();
  expect(found).toHaveLength(STRAYS_NAMED_MAX + 1);
  expect(found.at(-1)?.found).toBe('2 more directories that the log does not know');
});

test('while no daemon runs nothing is said to belong to nobody', async () => {
  const other = workplace();
  try {
    mkdirSync(join(other.data, 'instances', 'another'), { recursive: true });
    const found = await checkInstances(surroundings({ data: other.data }));
    expect(found).toMatchObject([{ verdict: 'ok', found: expect.stringMatching(/^1 directories; which of them/) }]);
  } finally {
    other.remove();
  }
});
