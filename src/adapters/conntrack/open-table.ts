import type { Clock } from '../../actors/contracts/clock.ts';
import { type KernelTable, type Mode, TableError, type TableListener } from './kernel-table.ts';
import { openNetlinkTable } from './netlink-table.ts';

export interface OpenTableOptions {
  readonly clock: Clock;
  readonly listener: TableListener;
  readonly receiveBufferBytes: number;
}

export async function openTable(mode: Mode, options: OpenTableOptions): Promise<KernelTable> {
  if (mode === 'netlink') return openNetlinkTable(options);
  throw new TableError(`there is no way called ${mode} to read connections`);
}
