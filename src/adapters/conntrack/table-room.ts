import { readFile } from 'node:fs/promises';
import { TableError } from './kernel-table.ts';

/**
 * Whether the kernel's table has room. One that has none forgets connections that are open, the half-open and the
 * half-closed ones first, and takes no new ones: what it lacks then says nothing.
 */

export interface TableRoom {
  readonly entries: number;
  /** 0: the kernel has no limit. */
  readonly max: number;
  /** Entries that were removed to make room, since the kernel came up. Null where the kernel does not count them. */
  readonly sacrificed: number | null;
}

/** Null where the kernel does not say. */
export type ReadRoom = () => Promise<TableRoom | null>;

/** From here on the kernel removes half-closed connections that are open, and does not count them. */
const NEARLY_FULL = 0.95;
const SETTINGS = '/proc/sys/net/netfilter';
const COUNTS = '/proc/net/stat/nf_conntrack';
const SACRIFICED = 'early_drop';

/** Throws where the table has too little room, or has had since it was last looked at. */
export class RoomProof {
  readonly #read: ReadRoom;
  #sacrificed: number | null = null;

  constructor(read: ReadRoom) {
    this.#read = read;
  }

  async check(): Promise<void> {
    const room = await this.#read();
    if (room === null) return;
    const { entries, max, sacrificed } = room;
    const before = this.#sacrificed;
    this.#sacrificed = sacrificed;
    if (max > 0 && entries >= max * NEARLY_FULL) {
      throw new TableError(`the kernel's table of connections is full (${entries} of ${max}): ${REMEDY}`);
    }
    if (before !== null && sacrificed !== null && sacrificed !== before) {
      throw new TableError(`the kernel's table of connections was full, and connections were forgotten: ${REMEDY}`);
    }
  }
}

const REMEDY = 'raise net.netfilter.nf_conntrack_max';

/** Of the network namespace that this process is in. */
export const readKernelRoom: ReadRoom = async () => {
  const [entries, max, counts] = await Promise.all([
    read(`${SETTINGS}/nf_conntrack_count`),
    read(`${SETTINGS}/nf_conntrack_max`),
    read(COUNTS),
  ]);
  if (entries === null || max === null) return null;
  return { entries: Number(entries), max: Number(max), sacrificed: counts === null ? null : sacrificedIn(counts) };
};

/** A row for each processor, under one of names: numbers in hexadecimal. */
export function sacrificedIn(counts: string): number | null {
  const [names = [], ...rows] = counts.split('\n').map((line) => line.trim().split(/\s+/));
  const column = names.indexOf(SACRIFICED);
  if (column < 0) return null;
  return rows.reduce((sum, row) => sum + Number.parseInt(row[column] ?? '0', 16), 0);
}

async function read(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}
