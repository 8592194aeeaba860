import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import type { LogEntry } from '../../src/actors/contracts/log.ts';
import { parseIdentity } from '../../src/actors/contracts/process-identity.ts';
import type { JournalEntry, JournalLine } from '../../src/adapters/simulator/journal.ts';
import { vmmsUnder } from '../adapters/qemu.world.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';

/** What truly happened to real VMMs, read from the process table and from what each run left in its directory. */

const GONE_LIMIT_MS = 5_000;

export async function vmmsOf(directory: string, instance: string): Promise<number[]> {
  return vmmsUnder(join(directory, 'instances', instance));
}

/** Ends every VMM under a data directory by its pid. */
export async function endVmms(directory: string): Promise<void> {
  for (const pid of await vmmsUnder(directory)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }
  await untilTrue(async () => (await vmmsUnder(directory)).length === 0, 'the end of the VMMs', GONE_LIMIT_MS);
}

/** The lives of all runs, in the form of the simulated world's journal, for the same checker. */
export function journalOfQemu(directory: string, entries: readonly LogEntry[]): JournalLine[] {
  const lines: { readonly at: number; readonly entry: JournalEntry }[] = [];
  for (const [run, asked] of runsAskedFor(entries)) {
    const [instance, number] = run.split(' ') as [string, string];
    lines.push(...livesOf(join(directory, 'instances', instance, 'runs', number), instance, Number(number), asked));
  }
  // At one instant an end comes before the beginning that it allows.
  lines.sort((a, b) => a.at - b.at || (a.entry.type === 'vmm.ended' ? -1 : 1));
  return lines.map(({ at, entry }, index) => ({ ...entry, at, seq: index + 1 }));
}

interface Asked {
  readonly effect: string;
  /** The snapshot that it is taken up from. */
  readonly from: string | null;
}

/** The effect that asked for each run last, by `instance run`. */
function runsAskedFor(entries: readonly LogEntry[]): Map<string, Asked> {
  const effects = new Map<string, Asked>();
  for (const { bytes } of entries) {
    const { stream, version, effects: asked } = parseRecord(bytes);
    asked.forEach((effect, index) => {
      if (effect.kind !== 'vmm.boot' && effect.kind !== 'vmm.restore') return;
      const from = effect.kind === 'vmm.restore' ? effect.snapshot : null;
      effects.set(`${stream} ${effect.run}`, { effect: `${stream}/${version}/${index}`, from });
    });
  }
  return effects;
}

function livesOf(directory: string, instance: string, run: number, { effect, from }: Asked) {
  const names = filesIn(directory);
  const started = names.find((name) => name.startsWith('started-'));
  if (started === undefined) return [];
  const process = names.find((name) => name.startsWith('process-')) ?? '';
  const pid = parseIdentity(readFileSync(join(directory, process), 'utf8'))?.pid ?? 0;
  // The ticket becomes the mark of the start by a rename, which is when this time changed last.
  const spawn = { type: 'vmm.spawned' as const, instance, run, pid, boot_id: '', effect, from };
  const lines: { at: number; entry: JournalEntry }[] = [
    { at: statSync(join(directory, started)).ctimeMs, entry: spawn },
  ];
  if (names.includes('end')) {
    const at = statSync(join(directory, 'end')).mtimeMs;
    const why = { reason: 'unknown' as const, code: null, message: null, ended_at: at };
    lines.push({ at, entry: { type: 'vmm.ended', instance, run, pid, ...why, by: 'outside' } });
  }
  return lines;
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
