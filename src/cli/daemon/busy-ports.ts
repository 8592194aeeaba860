import { readFileSync } from 'node:fs';

/** Sockets of this network namespace, as the kernel lists them. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'] as const;
const LISTENS = '0A';
const LINE = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) /;

/** Ports that some process of this host listens on, at whatever address. Those that cannot be read are none. */
export function busyPorts(tables: readonly string[] = TABLES): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const table of tables) {
    for (const line of textOf(table).split('\n')) {
      const [, port = '', state] = LINE.exec(line) ?? [];
      if (state === LISTENS) ports.add(Number.parseInt(port, 16));
    }
  }
  return ports;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
