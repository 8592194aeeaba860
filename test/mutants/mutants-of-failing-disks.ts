import type { Mutant } from './mutant.ts';

/** Defects that show only when a disk fails under a guest that is saved or restored. */

const unwritten = (title: string) => ({ file: 'test/adapters/qemu/unwritten-memory.int.test.ts', title });
const undone = (title: string) => ({ file: 'test/adapters/qemu/undone-restores.int.test.ts', title });
const givenUp = (title: string) => ({ file: 'test/adapters/qemu/given-up-saves.int.test.ts', title });
const replaced = (title: string) => ({ file: 'test/adapters/qemu/replaced-snapshots.int.test.ts', title });
const ended = (title: string) => ({ file: 'test/adapters/qemu/ended-runs.int.test.ts', title });

export const MUTANTS_OF_FAILING_DISKS: readonly Mutant[] = [
  {
    name: 'a guest counts as saved although the sync of its memory that was begun early failed',
    file: 'src/adapters/qemu/snapshots/save.ts',
    find: '    if (early !== null) await unlessGivenUp(early, signal);\n',
    put: '',
    killedBy: unwritten('is no snapshot, although that sync had failed before anything else of the save was done'),
  },
  {
    name: 'a sync of memory that failed is only noted',
    file: 'src/adapters/qemu/snapshots/run-memories.ts',
    find: '      throw new MemoryNotWritten(error);\n',
    put: '',
    killedBy: unwritten('is no snapshot, although the sync that fails is the one that was begun early'),
  },
  {
    name: 'a guest is saved after the disk has lost some of its memory',
    file: 'src/adapters/qemu/snapshots/run-memories.ts',
    find: '      mark(directory, error);\n',
    put: '',
    killedBy: unwritten('is in no later save of that run either, also of a later daemon'),
  },
  {
    name: 'a guest that cannot be saved is paused for it',
    file: 'src/adapters/qemu/snapshots/operations.ts',
    find: '  if (memories.isNotWritten(runDirectory(scope.root, ref))) return failureOf(new MemoryNotWritten());\n',
    put: '',
    killedBy: unwritten('interrupts its guest no more: it is refused before it is paused'),
  },
  {
    name: 'the snapshot of a restore that failed is put back, and not on the disk',
    file: 'src/adapters/qemu/snapshots/woken.ts',
    find: '  await syncOf(dirname(snapshot));\n  await syncOf(directory);\n',
    put: '',
    killedBy: undone(
      'has the new place of the snapshot on the disk before the old one, and both before anything of the run goes',
    ),
  },
  {
    name: 'a restored guest whose files cannot be looked at is ended',
    file: 'src/adapters/qemu/snapshots/files.ts',
    find: 'return statSync(path, { throwIfNoEntry: false }) !== undefined;',
    put: 'try { return statSync(path) !== undefined; } catch { return false; }',
    killedBy: undone('lives on, and is not taken for one that never was, while nobody can tell whether %s is there'),
  },
  {
    name: 'a save that is given up leaves its VMM sending',
    file: 'src/adapters/qemu/snapshots/save.ts',
    find: "    if (end.status === 'aborted') await giveUp();\n",
    put: '',
    killedBy: givenUp('when all was sent has its VMM give up too, before the guest may go on'),
  },
  {
    name: 'a snapshot is lost because another one cannot take its place',
    file: 'src/adapters/qemu/snapshots/put-in-place.ts',
    find: '    if (isReplaced) await rename(old, directory);\n',
    put: '',
    killedBy: replaced('is as it was when that cannot be put into its place'),
  },
  {
    name: 'what a snapshot replaces is gone before that is on the disk',
    file: 'src/adapters/qemu/snapshots/put-in-place.ts',
    find: '    await syncOf(dirname(directory)).catch(async (error: unknown) => {\n      await rename(directory, begun);\n      throw error;\n    });\n',
    put: '',
    killedBy: replaced('goes only once the other one is on the disk in its place'),
  },
  {
    name: 'an end that cannot be read is taken for a power-off',
    file: 'src/adapters/qemu/run-watch.ts',
    find: "  reason: 'unknown',\n  code: null,\n  message: 'how",
    put: "  reason: 'power_off',\n  code: null,\n  message: 'how",
    killedBy: ended('is observed although nothing that was written of it can be read: how it was is unknown then'),
  },
  {
    name: 'the memory of a run stays because its end was decided',
    file: 'src/adapters/qemu/run-ending.ts',
    find: '    await forgetMemory(directory, facts);\n    return decided;',
    put: '    return decided;',
    killedBy: ended('leaves no memory, also when the daemon that had it decided died before that was gone'),
  },
];
