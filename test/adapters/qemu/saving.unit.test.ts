import { describe, expect, it } from 'vitest';
import { COPY_DEADLINE_MS, STANDBY_DEADLINE_MS } from '../../../machines/setup.ts';
import type { RunSpec } from '../../../src/actors/contracts/hypervisor.ts';
import { machineShape, shapeDifference } from '../../../src/adapters/qemu/command-line.ts';
import type { Image } from '../../../src/adapters/qemu/image/store.ts';
import type { RunFacts } from '../../../src/adapters/qemu/run-directory.ts';
import { COPY_LIMIT_MS } from '../../../src/adapters/qemu/snapshots/copy.ts';
import { clockCommand, toldTime } from '../../../src/adapters/qemu/snapshots/guest-clock.ts';
import { readManifest, type SnapshotManifest, writeManifest } from '../../../src/adapters/qemu/snapshots/manifest.ts';
import { identityCommand, planIdentity } from '../../../src/adapters/qemu/snapshots/new-identity.ts';
import { SAVE_LIMIT_MS } from '../../../src/adapters/qemu/snapshots/save.ts';

const IDENTITY = {
  mac: '02:53:0a:4d:00:02',
  address: '10.77.0.2',
  prefix: 16,
  gateway: '10.77.0.1',
  address6: 'fd00::2',
  prefix6: 64,
  gateway6: 'fd00::1',
};
const SHA = 'a'.repeat(64);
const MANIFEST: SnapshotManifest = {
  format: 1,
  instance: 'one',
  run: 3,
  taken_at: 1_000,
  vmm: { version: '7.2.22', machine: 'pc-q35-7.2-machine' },
  accelerator: 'qemu/tcg',
  image: 'demo',
  argv: ['qemu'],
  shape: ['qemu'],
  identity: IDENTITY,
  state: { bytes: 1, sha256: SHA },
  memory: { bytes: 2, mtime_ns: '3', sha256: null },
  agent: true,
  ready: true,
};
const IMAGE: Image = {
  name: 'demo',
  kernel: '/images/demo/kernel',
  initrd: '/images/demo/initrd',
  commandLine: 'quiet',
  ready: { by: 'agent' },
  agentPort: 'agent.0',
  exitPort: 'exit.0',
  identityCommand: '/bin/identity',
  memoryMinBytes: 0,
  guestPorts: [],
};

describe('the manifest of a snapshot', () => {
  it('is read as it was written', () => {
    expect(readManifest(writeManifest(MANIFEST))).toEqual(MANIFEST);
  });

  it('that was cut off is incomplete, wherever that was', () => {
    const text = writeManifest(MANIFEST).trimEnd();
    for (let length = 0; length < text.length; length += 7) {
      expect(readManifest(text.slice(0, length)), `of ${length} characters`).toBe('incomplete');
    }
  });

  it('in which anything is another is altered', () => {
    const text = writeManifest(MANIFEST);
    expect(readManifest(text.replace('"run": 3', '"run": 4'))).toBe('altered');
    expect(readManifest(text.replace('pc-q35-7.2', 'pc-q35-8.0'))).toBe('altered');
    expect(readManifest('{}')).toBe('altered');
  });
});

describe('the machine of a saved guest', () => {
  const accelerator = { name: 'tcg' as const, options: ['-accel', 'tcg'] };
  const spec: RunSpec = {
    instance: 'one',
    run: 1,
    name: 'one',
    image: 'demo',
    vcpus: 1,
    memory_bytes: 1_024,
    network: { mode: 'bridge', tap: 'svtap1', ...IDENTITY },
  };
  const shapeOf = (changes: Partial<RunSpec>, image = IMAGE) =>
    machineShape({ ...spec, ...changes }, image, accelerator);

  it('is the same under another name, at another address, with its files elsewhere', () => {
    const network = {
      ...IDENTITY,
      mode: 'bridge' as const,
      tap: 'svtap2',
      mac: '02:00:00:00:00:09',
      address: '10.77.0.9',
    };
    const moved = { ...IMAGE, kernel: '/elsewhere/kernel', initrd: '/elsewhere/initrd' };
    expect(shapeOf({ instance: 'two', run: 9, name: 'two', network }, moved)).toEqual(shapeOf({}));
    const ports = [{ host_port: 1, guest_port: 2 }];
    expect(shapeOf({ network: { mode: 'user', ports } })).toEqual(shapeOf({ network: { mode: 'user', ports: [] } }));
  });

  it('is another one with other memory, processors, devices or network', () => {
    const others = [
      shapeOf({ memory_bytes: 2_048 }),
      shapeOf({ vcpus: 2 }),
      shapeOf({ network: { mode: 'none' } }),
      shapeOf({ network: { mode: 'user', ports: [] } }),
      shapeOf({}, { ...IMAGE, exitPort: null }),
      machineShape(spec, IMAGE, { name: 'tcg', options: ['-accel', 'tcg', '-cpu', 'qemu64'] }),
    ];
    for (const other of others) expect(other).not.toEqual(shapeOf({}));
  });

  it('that is another one is told by the first word of the command line in which it is', () => {
    expect(shapeDifference(shapeOf({}), shapeOf({}))).toBeNull();
    expect(shapeDifference(shapeOf({}), shapeOf({ vcpus: 2 }))).toBe('-smp 1, not -smp 2');
    expect(shapeDifference(['qemu', '-a'], ['qemu'])).toBe('-a, not nothing more');
  });
});

describe('a guest that was saved', () => {
  const facts = (identity: RunFacts['identity']): RunFacts => ({ identity }) as RunFacts;
  const plan = (manifest: Partial<SnapshotManifest>, identity: RunFacts['identity'], instance = 'one', image = IMAGE) =>
    planIdentity({ ...MANIFEST, ...manifest }, facts(identity), { instance, run: 1 }, image).plan;
  const moved = { ...IDENTITY, address: '10.77.0.3', mac: '02:53:0a:4d:00:03' };
  const silent = { ...IMAGE, identityCommand: null };

  it('stays who it is at its own addresses', () => {
    expect(plan({}, IDENTITY)).toBe('none');
    expect(plan({ identity: null }, null)).toBe('none');
  });

  it('is made another one when it is a fork, or has other addresses', () => {
    expect(plan({}, moved, 'two')).toBe('command');
    expect(plan({}, moved)).toBe('command');
    expect(plan({ identity: null }, null, 'two'), 'its random numbers are its twin’s').toBe('command');
  });

  it('that cannot be made another one is not let onto a network in which its twin may be', () => {
    expect(plan({}, moved, 'two', silent)).toBe('impossible');
    expect(plan({ agent: false }, moved, 'two')).toBe('impossible');
    expect(plan({ identity: null }, null, 'two', silent), 'behind ports of the host nobody sees its addresses').toBe(
      'none',
    );
  });

  it('is told its new addresses and a seed', () => {
    expect(identityCommand('/bin/identity', IDENTITY, 'c0ffee')).toBe(
      '/bin/identity mac=02:53:0a:4d:00:02 address=10.77.0.2/16 gateway=10.77.0.1 address6=fd00::2/64 gateway6=fd00::1 seed=c0ffee\n',
    );
    expect(identityCommand('/bin/identity', null, 'c0ffee')).toBe('/bin/identity seed=c0ffee\n');
  });
});

describe('the time in which a guest is saved or copied', () => {
  it.each([
    ['saved', SAVE_LIMIT_MS, STANDBY_DEADLINE_MS],
    ['copied', COPY_LIMIT_MS, COPY_DEADLINE_MS],
  ])('%s is most of what the chart waits, and leaves enough to give up in', (_what, limitMs, deadlineMs) => {
    expect(limitMs).toBeGreaterThan(0.8 * deadlineMs);
    expect(limitMs).toBeLessThan(0.95 * deadlineMs);
  });
});

describe('the clock of a guest', () => {
  it('is set to the millisecond where its date knows fractions, else to the nearest second', () => {
    expect(clockCommand(1_700_000_000_600)).toContain('@1700000000.600');
    expect(clockCommand(1_700_000_000_600)).toContain('@1700000001 ');
  });

  it('is read out of what the guest says, and out of nothing else', () => {
    const said = (text: string): string => Buffer.from(text).toString('base64');
    expect(toldTime(said('1700000000.123456789\n'))).toBe(1_700_000_000_123);
    expect(toldTime(said('1700000000.004242\n'))).toBe(1_700_000_000_004);
    for (const text of ['', '1700000000\n', '1700000000.%N\n', 'date: not found\n']) {
      expect(toldTime(said(text)), text).toBeNull();
    }
  });
});
