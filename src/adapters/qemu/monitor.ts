import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Clock } from '../../actors/contracts/clock.ts';
import { AGENT_DEVICE, MONITOR_SOCKET } from './command-line.ts';
import { openQmp, type QmpConnection, QmpError, type QmpOptions } from './qmp.ts';

/** Limit of one monitor command; QEMU answers ours within milliseconds unless the host is overloaded. */
export const COMMAND_LIMIT_MS = 5_000;
export const GREETING_LIMIT_MS = 2_000;
/** Longest path the kernel takes for a UNIX socket, without the final zero byte. */
const SOCKET_PATH_MAX_BYTES = 107;

const statusSchema = z.object({ status: z.string() });
const characterDevicesSchema = z.array(z.object({ label: z.string(), 'frontend-open': z.boolean() }));

/** Calls `use` with a path for a socket of a directory that is short enough to connect to, however deep that is. */
export async function withSocketPath<T>(
  directory: string,
  name: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= SOCKET_PATH_MAX_BYTES) return use(path);
  const descriptor = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await use(`/proc/self/fd/${descriptor}/${name}`);
  } finally {
    closeSync(descriptor);
  }
}

/** Connects to the monitor of a run. Rejects with `QmpError`. */
export async function openMonitor(
  directory: string,
  clock: Clock,
  handlers: Pick<QmpOptions, 'onEvent' | 'onClose'>,
): Promise<QmpConnection> {
  try {
    return await withSocketPath(directory, MONITOR_SOCKET, (path) =>
      openQmp(path, { clock, greetingLimitMs: GREETING_LIMIT_MS, ...handlers }),
    );
  } catch (error) {
    if (error instanceof QmpError) throw error;
    throw new QmpError('qmp_unreachable', error instanceof Error ? error.message : String(error));
  }
}

/** QEMU's own word for the state of the guest, for example `running` or `paused`. */
export async function queryStatus(monitor: QmpConnection): Promise<string> {
  return statusSchema.parse(await monitor.execute('query-status', COMMAND_LIMIT_MS)).status;
}

/** Whether the guest holds the port of its agent open. */
export async function queryAgentOpen(monitor: QmpConnection): Promise<boolean> {
  const devices = characterDevicesSchema.parse(await monitor.execute('query-chardev', COMMAND_LIMIT_MS));
  return devices.some((device) => device.label === AGENT_DEVICE && device['frontend-open']);
}
