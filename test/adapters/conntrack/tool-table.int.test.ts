/**
 * Goal: a tool that hangs keeps nobody waiting. Method: a stand-in for `conntrack` that listens, and does nothing else while
 * it is told to hang; the time that passes is simulated.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import type { KernelTable } from '../../../src/adapters/conntrack/kernel-table.ts';
import { TOOL_SILENCE_LIMIT_MS } from '../../../src/adapters/conntrack/tool-process.ts';
import { openToolTable } from '../../../src/adapters/conntrack/tool-table.ts';
import { until } from '../../cli/daemon-process.ts';

const LIMIT_MS = 30_000;
const LISTENING = 'NOTICE: Netlink socket buffer size has been set to 212992 bytes.';
/** Writes down which process hangs. */
const TOOL = `#!/bin/sh
case "$1" in
  -E) echo '${LISTENING}' >&2; exec sleep 600 ;;
  *) if [ -e "$0.hangs" ]; then echo $$ >> "$0.hung"; exec sleep 600; fi ;;
esac
`;

describe('a tool that hangs', { timeout: LIMIT_MS }, () => {
  const path = process.env.PATH;
  let directory: string;
  let clock: SimulatedClock;
  let table: KernelTable;
  let garbage = 0;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'statevisor-tool-'));
    writeFileSync(join(directory, 'conntrack'), TOOL, { mode: 0o755 });
    process.env.PATH = `${directory}:${path}`;
    clock = new SimulatedClock(0);
    const listener = {
      concerns: () => true,
      event: () => undefined,
      drained: () => undefined,
      seen: () => undefined,
      garbage: (messages: number) => {
        garbage += messages;
      },
      overrun: () => undefined,
      broken: () => undefined,
    };
    table = await openToolTable({ clock, listener, receiveBufferBytes: 65_536 });
  });
  afterEach(async () => {
    await table.close();
    process.env.PATH = path;
    rmSync(directory, { recursive: true });
  });

  const dump = () => table.dump({ concerns: () => true, entry: () => undefined });
  const hung = (): Promise<number> =>
    until(
      () => Number(readIfThere(join(directory, 'conntrack.hung')).trim().split('\n').at(-1)),
      (pid) => pid > 0,
      LIMIT_MS,
    );

  it('while the table is read, or entries are removed, is killed, and the next one is asked', async () => {
    for (const work of [dump, () => table.remove([0x0a_09_00_02], () => true)]) {
      writeFileSync(join(directory, 'conntrack.hangs'), '');
      const outcome = outcomeOf(work());
      const pid = await hung();
      await clock.advance(TOOL_SILENCE_LIMIT_MS);
      await expect.poll(() => stateOf(pid), { timeout: LIMIT_MS / 2 }).toBeNull();
      expect(await outcome).toBe(`conntrack said nothing for ${TOOL_SILENCE_LIMIT_MS} ms and was killed`);
      rmSync(join(directory, 'conntrack.hangs'));
      rmSync(join(directory, 'conntrack.hung'));
      await work();
    }
    expect(garbage).toBe(0);
  });

  it('ends with the table', async () => {
    writeFileSync(join(directory, 'conntrack.hangs'), '');
    const outcome = outcomeOf(dump());
    const pid = await hung();
    await table.close();
    expect(await outcome).toContain('conntrack failed');
    await expect.poll(() => stateOf(pid), { timeout: LIMIT_MS / 2 }).toBeNull();
  });
});

/** What it failed with. */
function outcomeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'all went well',
    (error: Error) => error.message,
  );
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Null when it is gone, or only waits for its parent to take note of that. */
function stateOf(pid: number): string | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const state = stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  return state === '' || state === 'Z' ? null : state;
}
