import type { Mutant } from './mutant.ts';

/** Defects that show only when a disk fails under a guest that is saved or restored. */

const unwritten = (title: string) => ({ file: 'test/adapters/qemu/unwritten-memory.int.test.ts', title });
const undone = (title: string) => ({ file: 'test/adapters/qemu/undone-restores.int.test.ts', title });

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
];
