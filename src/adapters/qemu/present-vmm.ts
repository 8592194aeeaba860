import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProbedAccelerator } from './accelerator.ts';

/** What a guest would be restored with here and now, as far as that can be told without starting it. */
export interface PresentVmm {
  /** As `query-version` tells it; null when the program does not say. */
  readonly version: string | null;
  /** As snapshots name it; null when it could not be found out. */
  readonly accelerator: string | null;
}

const run = promisify(execFile);
const ANSWER_LIMIT_MS = 5_000;
const VERSION = /version (\d+\.\d+\.\d+)/;

export async function presentVmm(binary: string, accelerator: () => Promise<ProbedAccelerator>): Promise<PresentVmm> {
  const [told, probed] = await Promise.all([
    run(binary, ['--version'], { timeout: ANSWER_LIMIT_MS }).catch(() => null),
    accelerator(),
  ]);
  return {
    version: VERSION.exec(told?.stdout ?? '')?.[1] ?? null,
    accelerator: 'error' in probed ? null : `qemu/${probed.accelerator.name}`,
  };
}
