import type { InstanceView } from '../projections/instance-view.ts';
import { DEMO_IMAGE } from './daemon/demo-image.ts';
import { attemptCount, stateWords } from './instance-words.ts';

/** What commands print: lines for people, JSON for programs. */
export interface Output {
  line(text: string): void;
  /** As it is: what a guest wrote ends where it ended. */
  text(text: string): void;
  /** Something that concerns people only, on standard error. */
  note(text: string): void;
}

export const terminal: Output = {
  line: (text) => void process.stdout.write(`${text}\n`),
  text: (text) => void process.stdout.write(text),
  note: (text) => void process.stderr.write(`${text}\n`),
};

/** `history web | head -1`: whoever reads has enough, which is no failure. Not for the daemon, which goes on unread. */
export function endWithReader(): void {
  // Once for a process, however many commands it runs.
  if (!process.stdout.listeners('error').includes(endUnread)) process.stdout.on('error', endUnread);
}

function endUnread(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
}

const GAP = '  ';

/** Columns as wide as their widest cell; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join(GAP),
  );
}

/** `now`: epoch ms, for what is counting down. */
export function instanceTable(views: readonly InstanceView[], now: number): string[] {
  // A host without bridged guests has no use for the column.
  const isBridged = views.some((view) => view.network.address !== undefined);
  // Nor has one without checks of this one.
  const isChecked = views.some((view) => view.health_check !== undefined);
  const head = [
    'NAME',
    'STATE',
    ...(isChecked ? ['HEALTH'] : []),
    'WANTED',
    'RUN',
    'ATTEMPTS',
    ...(isBridged ? ['ADDRESS'] : []),
    'PORTS',
    'IMAGE',
    'ID',
  ];
  return table([head, ...views.map((view) => instanceRow(view, { isBridged, isChecked, now }))]);
}

function instanceRow(
  view: InstanceView,
  { isBridged, isChecked, now }: { isBridged: boolean; isChecked: boolean; now: number },
): string[] {
  const ports = view.network.ports.map((port) => `${port.host_port}->${port.guest_port}`).join(',');
  const address = isBridged ? [view.network.address ?? '-'] : [];
  const { status } = view.health_status;
  const health = isChecked ? [status === 'disabled' ? '-' : status] : [];
  const about = [view.name, stateWords(view, now), ...health, view.wanted, String(view.run), attemptCount(view)];
  return [...about, ...address, ports || '-', view.image, view.id];
}

export function portLines(view: InstanceView): string[] {
  const { address } = view.network;
  // Which ports a bridged guest serves is its own affair; of the demo guest it is known.
  if (address !== undefined) return [view.image === DEMO_IMAGE ? `  http://${address}/` : `  ${address}`];
  return view.network.ports.map((port) => {
    const address = `127.0.0.1:${port.host_port}`;
    return port.guest_port === 80 ? `  http://${address}/` : `  ${address} -> guest port ${port.guest_port}`;
  });
}
