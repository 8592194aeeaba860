import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, systemRandom } from '../../../src/actors/clock.ts';
import type { PresentVmm } from '../../../src/adapters/qemu/present-vmm.ts';
import { copySnapshot } from '../../../src/adapters/qemu/snapshots/copy.ts';
import { createRunMemories } from '../../../src/adapters/qemu/snapshots/run-memories.ts';
import type { SnapshotTools } from '../../../src/adapters/qemu/snapshots/save.ts';
import { linkMemory, openSnapshotStore, type SnapshotStore } from '../../../src/adapters/qemu/snapshots/store.ts';
import { changeManifest } from './damage-snapshot.ts';
import { MEMORY, NAME, never, refusalOf, STATE, saved, write } from './stored-snapshots.ts';

/** Snapshots as files, without a VMM: which are in order, which are refused and by what name, and what is left of others. */

const wanted = { effect: 'web/1/0', signal: never, stillWanted: () => true };

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'statevisor-snapshots-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const open = (verifyMemory = false): SnapshotStore => openSnapshotStore(root, systemRandom(), verifyMemory);
/** Writes other bytes, and gives the file the times it had. */
function rewrite(path: string, bytes: string | Buffer): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, bytes);
  utimesSync(path, atime, mtime);
}

const DAMAGES: readonly [string, string, (directory: string) => void][] = [
  ['that is not there', 'snapshot_missing', (directory) => rmSync(directory, { recursive: true })],
  ['without a manifest', 'snapshot_incomplete', (directory) => rmSync(join(directory, 'manifest.json'))],
  [
    'with half a manifest',
    'snapshot_incomplete',
    (directory) => {
      const path = join(directory, 'manifest.json');
      writeFileSync(path, readFileSync(path, 'utf8').slice(0, 200));
    },
  ],
  [
    'with a manifest that says something else',
    'snapshot_altered',
    (directory) => {
      const path = join(directory, 'manifest.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('"demo"', '"other"'));
    },
  ],
  ['without its state', 'snapshot_incomplete', (directory) => rmSync(join(directory, 'state'))],
  [
    'with half of its state',
    'snapshot_incomplete',
    (directory) => writeFileSync(join(directory, 'state'), STATE.subarray(0, 5)),
  ],
  [
    'with a longer state',
    'snapshot_altered',
    (directory) => writeFileSync(join(directory, 'state'), Buffer.concat([STATE, STATE])),
  ],
  [
    'with another state of the same length',
    'snapshot_altered',
    (directory) => writeFileSync(join(directory, 'state'), Buffer.alloc(STATE.length, 'x')),
  ],
  ['without its memory', 'snapshot_incomplete', (directory) => rmSync(join(directory, 'memory'))],
  ['with more memory', 'memory_altered', (directory) => rewrite(join(directory, 'memory'), `${MEMORY}!`)],
  [
    'with memory that was written to since',
    'memory_altered',
    (directory) => utimesSync(join(directory, 'memory'), 1, 1),
  ],
];

describe('a snapshot', () => {
  it('that is in order is what was saved', async () => {
    const store = open(true);
    await saved(store);
    const verified = await store.verify('web', NAME, never);
    expect(verified).toMatchObject({ snapshot: { state: STATE, manifest: { run: 1, image: 'demo' } } });
    expect(await store.list('web')).toMatchObject([{ snapshot: NAME, taken_at: 1_000 }]);
  });

  it.each(DAMAGES)('%s is refused as %s', async (_what, code, damage) => {
    const store = open();
    const directory = await saved(store);
    damage(directory);
    expect(await refusalOf(store)).toBe(code);
  });

  it('whose memory has other bytes, and no sign of it, is refused where memory is hashed', async () => {
    const directory = await saved(open());
    rewrite(join(directory, 'memory'), 'x'.repeat(MEMORY.length));
    const { mtimeNs } = statSync(join(directory, 'memory'), { bigint: true });
    changeManifest(directory, ({ memory, ...others }) => ({
      ...others,
      memory: { ...memory, mtime_ns: `${mtimeNs}` },
    }));
    expect(await refusalOf(open(false))).toBe('in order');
    expect(await refusalOf(open(true))).toBe('memory_altered');
  });

  it('is refused under a name that leads elsewhere', async () => {
    const store = open();
    await saved(store);
    expect(await refusalOf(store, `../snapshots/${NAME}`)).toBe('snapshot_missing');
    expect(() => store.directoryOf('web', '../other')).toThrow('not the name of a snapshot');
  });
});

describe('a half-written snapshot', () => {
  it('is never seen, and goes before the next one is made', async () => {
    const begun = await write(open());
    const next = open();
    const seen = await next.list('web').catch(String);
    expect([seen, await refusalOf(next)]).toEqual([[], 'snapshot_missing']);
    await saved(next, 'run-2');
    expect(readdirSync(join(begun, '..'))).toEqual(['run-2']);
  });

  it('is left alone while it is being made by this process', async () => {
    const store = open();
    const begun = await write(store);
    await saved(store, 'run-2');
    expect(existsSync(begun)).toBe(true);
    await store.publish(begun, 'web', NAME);
    expect(await refusalOf(store)).toBe('in order');
  });

  it('leaves the one before it as it was until it is whole', async () => {
    const store = open();
    const directory = await saved(store);
    const begun = await write(store);
    writeFileSync(join(begun, 'state'), 'x');
    expect(await refusalOf(store)).toBe('in order');
    await store.abandon(begun);
    expect([await refusalOf(store), readdirSync(join(directory, '..'))]).toEqual(['in order', [NAME]]);
  });
});

describe('memory that a run and its snapshot share', () => {
  it('goes with the run: the snapshot is dropped, and those with memory of their own stay', async () => {
    const store = open();
    const directory = await saved(store);
    await saved(store, 'kept');
    const run = join(root, 'run');
    mkdirSync(run);
    await linkMemory(directory, run);
    await store.dropSharing('web', join(run, 'memory'));
    expect((await store.list('web')).map(({ snapshot }) => snapshot)).toEqual(['kept']);
  });
});

describe('a copy', () => {
  const SAME: PresentVmm = { version: '7.2.0', accelerator: 'tcg' };
  const tools = (store: SnapshotStore, present = SAME): SnapshotTools =>
    ({
      store,
      memories: createRunMemories(),
      clock: systemClock(),
      present: async () => present,
      verifyMemory: false,
    }) satisfies Omit<SnapshotTools, 'scope'> as never;

  it.each([
    ['another version', { ...SAME, version: '8.0.0' }, 'QEMU 7.2.0, not 8.0.0'],
    ['another accelerator', { ...SAME, accelerator: 'qemu/kvm' }, 'tcg, not qemu/kvm'],
  ])('to run on is refused where there is %s, and one that is only kept is made', async (_what, present, of) => {
    const store = open();
    const directory = await saved(store);
    const copy = (snapshot: string, to_run_on: boolean) => {
      const [from, to] = [
        { instance: 'web', snapshot: NAME },
        { instance: 'web', snapshot, to_run_on },
      ];
      return copySnapshot(tools(store, present), from, to, wanted);
    };
    const error = { code: 'snapshot_mismatch', message: `snapshot ${NAME} is of ${of}` };
    expect(await copy('run-2', true)).toEqual({ outcome: 'failed', error });
    expect(readdirSync(join(directory, '..'))).toEqual([NAME]);
    expect((await copy('kept', false)).outcome).toBe('done');
  });

  it('to run on is made where nobody knows what is there: a restore will tell', async () => {
    const store = open();
    await saved(store);
    const [from, to] = [
      { instance: 'web', snapshot: NAME },
      { instance: 'web', snapshot: 'run-2', to_run_on: true },
    ];
    const unknown = { version: null, accelerator: null };
    expect((await copySnapshot(tools(store, unknown), from, to, wanted)).outcome).toBe('done');
  });

  it('has memory of its own: what becomes of the first does not touch it', async () => {
    const store = open(true);
    const directory = await saved(store);
    const [from, to] = [
      { instance: 'web', snapshot: NAME },
      { instance: 'other', snapshot: 'run-0' },
    ];
    expect(await copySnapshot(tools(store), from, to, wanted)).toEqual({ outcome: 'done', result: null });
    writeFileSync(join(directory, 'memory'), 'x');
    expect(await store.verify('other', 'run-0', never)).toMatchObject({ snapshot: { state: STATE } });
    expect(readFileSync(join(store.directoryOf('other', 'run-0'), 'memory'), 'utf8')).toBe(MEMORY);
  });

  it('of a damaged one is refused as that, and nothing is left of it', async () => {
    const store = open();
    const directory = await saved(store);
    writeFileSync(join(directory, 'state'), Buffer.alloc(STATE.length, 'x'));
    const to = { instance: 'web', snapshot: 'copied' };
    const outcome = await copySnapshot(tools(store), { instance: 'web', snapshot: NAME }, to, wanted);
    expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'snapshot_altered' } });
    expect(readdirSync(join(directory, '..'))).toEqual([NAME]);
  });

  it('that is withdrawn leaves nothing', async () => {
    const store = open();
    const directory = await saved(store);
    let asked = 0;
    const withdrawn = { ...wanted, stillWanted: () => ++asked === 1 };
    const to = { instance: 'web', snapshot: 'copied' };
    const outcome = await copySnapshot(tools(store), { instance: 'web', snapshot: NAME }, to, withdrawn);
    expect([outcome, asked]).toEqual([{ outcome: 'withdrawn' }, 2]);
    expect(readdirSync(join(directory, '..'))).toEqual([NAME]);
  });
});
