import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../../src/actors/clock.ts';
import { createSupervisor } from '../../../src/actors/create-supervisor.ts';
import type { Supervisor } from '../../../src/actors/supervisor.ts';
import { createMemoryLog } from '../../../src/adapters/log-memory/memory-log.ts';
import { createQemuHypervisor } from '../../../src/adapters/qemu/hypervisor.ts';
import { openImageStore } from '../../../src/adapters/qemu/image/store.ts';
import { openSnapshotStore } from '../../../src/adapters/qemu/snapshots/store.ts';
import { definition, OPERATOR } from '../../actors/simulated-host.ts';
import { until } from '../../cli/daemon-process.ts';
import { temporaryDirectory } from '../../left-processes.ts';
import { saved } from './stored-snapshots.ts';

const LIMIT_MS = 20_000;
const root = temporaryDirectory('statevisor-swept-');
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(root, { recursive: true, force: true });
});

test('files of a snapshot that no record names go with the next start; another instance’s directory is left alone', async () => {
  const [clock, random, log] = [systemClock(), systemRandom(), createMemoryLog()];
  const reports: string[] = [];
  const start = async (): Promise<Supervisor> => {
    const hypervisor = createQemuHypervisor({ directory: root, images: openImageStore(root), clock, random });
    const report = ({ message }: { message: string }): void => void reports.push(message);
    const supervisor = await createSupervisor({ log, hypervisor, clock, random, report });
    closing.push(async () => {
      await supervisor.close();
      await hypervisor.close();
    });
    return supervisor;
  };
  const first = await start();
  const { id } = await first.create(definition(), 'stopped', OPERATOR);
  await first.quiet();
  await first.close();
  const store = openSnapshotStore(root, random, false);
  await saved(store, 'left', id);
  await saved(store, 'left', '01nobody');
  await start();
  const filesOf = (instance: string): string[] => readdirSync(join(root, 'instances', instance, 'snapshots'));
  await until(
    () => reports.length,
    (count) => count > 0,
    LIMIT_MS,
  );
  expect([filesOf(id), filesOf('01nobody'), reports]).toEqual([
    [],
    ['left'],
    ['Snapshot left, which no record names any more, was removed.'],
  ]);
});
