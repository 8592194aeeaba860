import type { Clock } from '../../actors/contracts/clock.ts';
import type { KernelTable, Mode, TableListener } from './kernel-table.ts';
import { openNetlinkTable } from './netlink-table.ts';
import { openProcfsTable } from './procfs-table.ts';
import { openToolTable } from './tool-table.ts';

export interface OpenTableOptions {
  readonly clock: Clock;
  readonly listener: TableListener;
  readonly receiveBufferBytes: number;
}

export async function openTable(mode: Mode, options: OpenTableOptions): Promise<KernelTable> {
  switch (mode) {
    case 'netlink':
      return openNetlinkTable(options);
    case 'conntrack':
      return openToolTable(options);
    case 'procfs':
      return openProcfsTable(options);
  }
}
