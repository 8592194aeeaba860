import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { clock, median } from './measure.ts';

const SYNCS = 200;
const SYNC_BYTES = 4_096;
const GIB = 1024 ** 3;

/** What one synced write of a page costs on the disk under `directory`: the floor of everything durable. Median, ms. */
function syncMs(directory: string): number {
  const place = mkdtempSync(join(directory, 'statevisor-sync-'));
  const file = openSync(join(place, 'file'), 'w');
  const page = Buffer.alloc(SYNC_BYTES, 1);
  const times: number[] = [];
  for (let n = 0; n < SYNCS; n++) {
    const begun = clock.monotonic();
    writeSync(file, page, 0, SYNC_BYTES, n * SYNC_BYTES);
    fdatasyncSync(file);
    times.push(clock.monotonic() - begun);
  }
  closeSync(file);
  rmSync(place, { recursive: true });
  return median(times);
}

/** How busy the machine is, over the last minute. */
export function machineLoad(): string {
  return `load ${loadavg()[0]!.toFixed(1)}`;
}

/** The machine, in lines: figures mean nothing without it. */
export function machineFacts(directory: string): string[] {
  return [
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${(totalmem() / GIB).toFixed(0)} GiB, ${machineLoad()}`,
    `Linux ${release()}, node ${process.version}, SQLite ${process.versions.sqlite}`,
    `one synced write of 4 KiB: ${syncMs(directory).toFixed(3)} ms (median of ${SYNCS})`,
  ];
}
